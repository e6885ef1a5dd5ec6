"""What packets alone show of captures from elsewhere: an answer that is an error, and trouble beside a connection that works."""
