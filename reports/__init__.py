"""What leaves the machine: tables, figures and the page; reads the ledger, never the running sweep."""
