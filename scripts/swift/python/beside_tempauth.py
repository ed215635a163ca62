"""keystonemiddleware's auth_token for every account but tempauth's, so that one proxy takes both kinds of token."""
from keystonemiddleware import auth_token

IDENTITY = ('HTTP_X_IDENTITY_', 'HTTP_X_SERVICE_IDENTITY_')


def filter_factory(global_conf, **local_conf):
    build = auth_token.filter_factory(global_conf, **local_conf)

    def beside(app):
        keystone = build(app)

        def choose(environ, start_response):
            if not environ.get('PATH_INFO', '').startswith(('/auth/', '/v1/AUTH_')):
                return keystone(environ, start_response)
            # What only auth_token may say; it strips these itself where it is asked.
            for name in [name for name in environ if name.startswith(IDENTITY)]:
                del environ[name]
            return app(environ, start_response)

        return choose

    return beside
