"""``python -m ipc_bridge`` is ``ipc-bridge``."""

from ipc_bridge.cli import main

if __name__ == "__main__":
    main()
