using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Amazon.Runtime;

namespace ControlPlane.Aws;

/// <summary>
/// AWS Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), for requests
/// without an SDK client. The SDK's own signers are internal and sign only its clients' requests; the tests compare with them.
/// </summary>
/// <remarks>Supports paths of letters, digits, <c>-</c>, <c>_</c>, <c>.</c>, <c>~</c> and slashes: others would need double encoding.</remarks>
sealed class SigV4(string region, string service)
{
    const string Algorithm = "AWS4-HMAC-SHA256";

    /// <returns>The presigned URL, for a GET request with the same headers.</returns>
    public string Presign(Uri url, IReadOnlyDictionary<string, string> headers, TimeSpan validFor, ImmutableCredentials credentials, DateTimeOffset now)
    {
        var signed = new SortedDictionary<string, string>(headers.ToDictionary(), StringComparer.Ordinal) { ["host"] = url.Authority };
        var query = Pairs(url.Query)
            .Append(("X-Amz-Algorithm", Algorithm)).Append(("X-Amz-Credential", $"{credentials.AccessKey}/{Scope(now)}")).Append(("X-Amz-Date", Time(now)))
            .Append(("X-Amz-Expires", validFor.TotalSeconds.ToString(CultureInfo.InvariantCulture))).Append(("X-Amz-SignedHeaders", Names(signed)));
        var canonical = Canonical(credentials.UseToken ? query.Append(("X-Amz-Security-Token", credentials.Token)) : query);
        return $"{url.GetLeftPart(UriPartial.Path)}?{canonical}&X-Amz-Signature={Signature("GET", url.AbsolutePath, canonical, signed, [], credentials, now)}";
    }

    /// <summary>Adds the <c>Authorization</c> header and those that it signs.</summary>
    /// <param name="body">Must equal the request's content.</param>
    public void Sign(HttpRequestMessage request, ReadOnlySpan<byte> body, ImmutableCredentials credentials, DateTimeOffset now)
    {
        var url = request.RequestUri!;
        var signed = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = url.Authority, ["x-amz-date"] = Time(now) };
        if (credentials.UseToken)
        {
            signed["x-amz-security-token"] = credentials.Token;
        }

        foreach (var (name, value) in signed.Where(header => header.Key != "host"))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (request.Content?.Headers.ContentType is { } type)
        {
            signed["content-type"] = type.ToString();
        }

        var signature = Signature(request.Method.Method, url.AbsolutePath, Canonical(Pairs(url.Query)), signed, body, credentials, now);
        request.Headers.TryAddWithoutValidation("Authorization", $"{Algorithm} Credential={credentials.AccessKey}/{Scope(now)}, SignedHeaders={Names(signed)}, Signature={signature}");
    }

    string Signature(
        string method, string path, string query, SortedDictionary<string, string> headers, ReadOnlySpan<byte> body, ImmutableCredentials credentials, DateTimeOffset now)
    {
        var headerLines = string.Concat(headers.Select(header => $"{header.Key}:{header.Value.Trim()}\n"));
        var request = $"{method}\n{path}\n{query}\n{headerLines}\n{Names(headers)}\n{Convert.ToHexStringLower(SHA256.HashData(body))}";
        var toSign = $"{Algorithm}\n{Time(now)}\n{Scope(now)}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request)))}";
        var key = new[] { Day(now), region, service, "aws4_request" }.Aggregate(Encoding.UTF8.GetBytes($"AWS4{credentials.SecretKey}"), Hmac);
        return Convert.ToHexStringLower(Hmac(key, toSign));
    }

    string Scope(DateTimeOffset now) => $"{Day(now)}/{region}/{service}/aws4_request";

    static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));

    static string Time(DateTimeOffset now) => now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    static string Day(DateTimeOffset now) => Time(now)[..8];

    static string Names(SortedDictionary<string, string> headers) => string.Join(';', headers.Keys);

    static IEnumerable<(string Name, string Value)> Pairs(string query) => query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2)).Select(pair => (Uri.UnescapeDataString(pair[0]), pair.Length == 2 ? Uri.UnescapeDataString(pair[1]) : ""));

    static string Canonical(IEnumerable<(string Name, string Value)> query) => string.Join('&', query
        .Select(pair => (Name: Uri.EscapeDataString(pair.Name), Value: Uri.EscapeDataString(pair.Value)))
        .OrderBy(pair => pair.Name, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal).Select(pair => $"{pair.Name}={pair.Value}"));
}
