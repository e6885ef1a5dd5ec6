"""The application, its container and its published ports."""
