"""The logs of a scenario that fails are printed as those of the end-to-end tests are."""

from __future__ import annotations

from tests.e2e.conftest import pytest_runtest_makereport, site

__all__ = ["pytest_runtest_makereport", "site"]
