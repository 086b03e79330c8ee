"""Superset's settings for one test: everything it keeps lies in the folder of SUPERSET_HOME."""

import os

SECRET_KEY = os.environ["MILLRACE_TEST_SUPERSET_KEY"]
SQLALCHEMY_DATABASE_URI = "sqlite:///" + os.path.join(os.environ["SUPERSET_HOME"], "superset.db")
# The test speaks plain HTTP, as a program: a form's token and a browser's headers are not for it.
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
