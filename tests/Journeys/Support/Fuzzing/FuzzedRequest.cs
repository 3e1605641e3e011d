using System.Globalization;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Generates the requests of one case: the same seed gives the same request.</summary>
sealed class FuzzedRequest(Random random, TestServer server, TestTenant prey, DateTimeOffset now)
{
    static readonly string[] OtherMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    static readonly string[] Headers =
        ["Accept", "Accept-Language", "Authorization", "Cookie", "X-Tenant-Id", "webhook-id", "webhook-timestamp", "webhook-signature", "If-None-Match", "Range",
         "Origin", "X-Forwarded-For", "Host", "Expect", "X-HTTP-Method-Override", "Content-Encoding"];

    readonly FuzzedBody _body = new(random, prey, now);

    public HttpRequestMessage Next(FuzzedRoute route, Caller caller)
    {
        var address = new Uri(server.Address.GetLeftPart(UriPartial.Authority) + route.Path(Segment) + Query(route), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new HttpMethod(random.Next(8) == 0 ? random.Of(OtherMethods) : route.Method), address);
        caller.Identify(request);
        if (random.Next(2) == 0)
        {
            request.Headers.Add("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        }

        if (request.Method != HttpMethod.Get && request.Method != HttpMethod.Head && request.Method != HttpMethod.Trace)
        {
            request.Content = _body.Next(route, caller);
        }

        if (caller.Key is null && route.Pattern.RawText!.Contains("usage", StringComparison.Ordinal))
        {
            Sign(request);
        }

        for (var more = random.Next(3); more > 0; more--)
        {
            var (name, value) = (random.Of(Headers), random.Of(HostileValues.Header));
            if (name == "Content-Encoding")
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
            else if (random.Next(2) == 0 || !request.Headers.Contains(name))
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    string Segment(string parameter) => (parameter, random.Next(2)) switch
    {
        ("id", 0) => prey.Id.ToString(),
        ("number", 0) => "INV-000001",
        ("slug", 0) => prey.Slug,
        ("job", 0) => random.Of<string>(["mail", "retention"]),
        ("queue", 0) => random.Of<string>(["mail", "webhooks", "alerts"]),
        ("form", 0) => random.Of<string>(["restart", "access"]),
        ("documentName", 0) => "v1",
        _ => random.Of(HostileValues.Encoded),
    };

    string Query(FuzzedRoute route)
    {
        var parts = route.Names.Where(_ => random.Next(2) == 0).Select(name => $"{name.TrimStart('@')}={random.Of(HostileValues.Encoded)}").ToList();
        if (random.Next(6) == 0)
        {
            parts.Add(random.Of<string>(["&&", "=", "a=%", "a[]=1&a[b]=2", "token=%00", "return=//example.com"]));
        }

        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
    }

    // As the gateway does; some headers are then corrupted.
    void Sign(HttpRequestMessage request)
    {
        var body = request.Content?.ReadAsByteArrayAsync().GetAwaiter().GetResult() ?? [];
        var timestamp = server.Clock.Wall.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = WebhookSignature.Sign(Convert.FromBase64String(prey.WebhookSecret["whsec_".Length..]), "m", timestamp, body);
        Add("X-Tenant-Id", prey.Id.ToString());
        Add("webhook-id", "m");
        Add("webhook-timestamp", timestamp);
        Add("webhook-signature", signature);

        void Add(string name, string value) => request.Headers.TryAddWithoutValidation(name, random.Next(10) == 0 ? random.Of(HostileValues.Header) : value);
    }
}
