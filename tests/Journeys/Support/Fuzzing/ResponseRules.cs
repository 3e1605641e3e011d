using System.Text.Json;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Rules that every response must meet, whatever the request.</summary>
static class ResponseRules
{
    static readonly string[] Api = ["/v1", "/openapi", "/assets", "/healthz", "/readyz"];
    static readonly string[] InternalDetails = ["   at ", "Exception", "Npgsql", ".cs:line"];

    /// <returns>The violated rule; null when there is none.</returns>
    public static async Task<string?> ViolationAsync(HttpResponseMessage reply)
    {
        var status = (int)reply.StatusCode;
        var text = await reply.Content.ReadAsStringAsync();
        if (status >= 500)
        {
            return $"{status}: {text}";
        }

        if (InternalDetails.FirstOrDefault(detail => text.Contains(detail, StringComparison.Ordinal)) is { } seen)
        {
            return $"{status} shows \"{seen}\": {text}";
        }

        // Malformed HTTP is rejected by Kestrel, without our headers and without a body.
        if (!reply.Headers.Contains("X-Content-Type-Options"))
        {
            return status is 400 or 413 or 414 or 431 && text.Length == 0 ? null : $"{status} without the security headers: {text}";
        }

        return status < 400 || reply.RequestMessage!.Method == HttpMethod.Head ? null : ErrorViolation(reply, status, text);
    }

    static string? ErrorViolation(HttpResponseMessage reply, int status, string text)
    {
        var type = reply.Content.Headers.ContentType?.MediaType;
        var path = reply.RequestMessage!.RequestUri!.AbsolutePath;
        var page = type == "text/html" && (path.StartsWith("/v1/verify", StringComparison.Ordinal) || !Array.Exists(Api, api => path.StartsWith(api, StringComparison.Ordinal)));
        return page ? null
            : type != "application/problem+json" ? $"{status} as {type ?? "nothing"}: {text}"
            : JsonDocument.Parse(text).RootElement.TryGetProperty("title", out var title) && title.GetString() is { Length: > 0 } ? null
            : $"{status} without a title: {text}";
    }
}
