"""Everything beyond the serial line: boards found, flashed, emulated, asked and checked.

pyserial lives in `link` alone, esptool is called as a program by `flash` alone.
"""
