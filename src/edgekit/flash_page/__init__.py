"""A page that flashes a board from a browser, with Espressif's esptool-js: no program to install at the user's side."""
