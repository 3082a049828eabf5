"""What the commands in scripts/ share.

Imports run one way: command -> pitwall.warehouse -> pitwall.raw -> pitwall.data_folder -> pitwall.command.
"""
