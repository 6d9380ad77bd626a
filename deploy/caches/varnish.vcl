vcl 4.1;

# Varnish 7.1 or later as a cache before the service. Start varnishd with this file and `-p http_gzip_support=off`: else
# it asks for gzip alone, unpacks it for clients that want none, and weakens their ETag. What it does: docs/clients.md.

backend farmlokal {
    .host = "127.0.0.1";
    .port = "8080";
}

sub vcl_backend_response {
    # A copy that is over is asked about by its ETag, not fetched again, for as long as this.
    set beresp.keep = 5m;
    # An error behind a stale answer is no reason to stop giving that: the grace goes on to its end.
    if (bereq.is_bgfetch && beresp.status >= 500) {
        return (abandon);
    }
}
