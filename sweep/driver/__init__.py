"""One sweep as its driver runs it: trials handed out, stopped, resumed, finals, headline, and what a person sees."""
