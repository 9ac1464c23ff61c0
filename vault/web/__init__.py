"""The front door: parse, make one service call, present the answer.

``app`` shows the whole door on one page. Pages for people (``pages``) and the JSON API (``api``) stand behind the
same ``gate``; ``problems`` is the one table from errors to answers, ``headers`` what every answer carries, ``logs``
what may be written about a request, ``health`` what monitoring may ask, ``server`` how gunicorn runs it all.
"""
