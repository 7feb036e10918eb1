"""A sweep's report: tables, figures and sentences from its ledger, and the page that shows them."""
