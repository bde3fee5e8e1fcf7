"""The planners' pages: server-rendered, in Dutch and English, and a client of the API like any other.

A page knows nothing but the API: it asks it within the process, in the name of whoever is signed in, so that whatever
the console shows or does, a planner's own tools can too, and under the same rules.
"""
