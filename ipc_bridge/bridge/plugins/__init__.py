"""Plugins in the bridge: each an actor with its own way through the journal, that nothing else waits for.

``manager`` is their face for the rest of the program, ``actor`` one plugin at work, ``gate`` asks plugins what may be
changed, ``operations`` is what they may do, and ``memory`` what is kept of each. The plugins themselves run in
:mod:`ipc_bridge.hooks`.
"""
