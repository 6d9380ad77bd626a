"""Calls to one upstream that neither give up nor pile on."""
