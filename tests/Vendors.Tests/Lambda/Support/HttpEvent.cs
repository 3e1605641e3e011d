using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// A request in API Gateway's payload format 2.0: headers with the same name are joined by commas, cookies are in a separate list, and bodies are
/// base64 unless their content type is text.
/// </summary>
sealed class HttpEvent
{
    static readonly string[] TextTypes = ["text/", "application/json", "application/javascript", "application/xml"];

    readonly JsonObject _event;

    public HttpEvent(string method, string path, string query = "", string origin = LambdaRig.OriginToken)
    {
        using var stream = typeof(HttpEvent).Assembly.GetManifestResourceStream("http-api-v2.json")!;
        _event = JsonNode.Parse(stream)!.AsObject();
        (_event["rawPath"], _event["rawQueryString"]) = (path, query);
        (_event["requestContext"]!["http"]!["method"], _event["requestContext"]!["http"]!["path"]) = (method, path);
        Header("X-Origin-Token", origin);
    }

    public HttpEvent Header(string name, string value)
    {
        _event["headers"]![name.ToLowerInvariant()] = value;
        return this;
    }

    public HttpEvent Key(string key) => Header("Authorization", $"Bearer {key}");

    public HttpEvent Cookies(params string[] cookies)
    {
        _event["cookies"] = new JsonArray([.. cookies.Select(cookie => JsonValue.Create(cookie))]);
        return this;
    }

    public HttpEvent Body(string contentType, byte[] body)
    {
        var isText = TextTypes.Any(type => contentType.StartsWith(type, StringComparison.Ordinal));
        (_event["body"], _event["isBase64Encoded"]) = (isText ? Encoding.UTF8.GetString(body) : Convert.ToBase64String(body), !isText);
        return Header("Content-Type", contentType).Header("Content-Length", $"{body.Length}");
    }

    public HttpEvent Json(object body) => Body("application/json", JsonSerializer.SerializeToUtf8Bytes(body));

    public override string ToString() => _event.ToJsonString();
}

/// <summary>A function's response to API Gateway.</summary>
sealed class HttpEventResponse(JsonElement response)
{
    public int Status => response.GetProperty("statusCode").GetInt32();
    public bool IsBase64 => response.GetProperty("isBase64Encoded").GetBoolean();

    public string[] Cookies => response.TryGetProperty("cookies", out var cookies) && cookies.ValueKind == JsonValueKind.Array ? [.. cookies.EnumerateArray().Select(cookie => cookie.GetString()!)] : [];

    public byte[] Bytes => response.GetProperty("body").GetString() is not { } body ? [] : IsBase64 ? Convert.FromBase64String(body) : Encoding.UTF8.GetBytes(body);

    public string Text => Encoding.UTF8.GetString(Bytes);

    public JsonElement Json => JsonDocument.Parse(Bytes).RootElement;

    public IEnumerable<(string Name, string? Value)> Headers => response.GetProperty("headers").EnumerateObject().Select(header => (header.Name, header.Value.GetString()));

    public string? Header(string name) => response.GetProperty("headers").EnumerateObject()
        .FirstOrDefault(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { Value.ValueKind: JsonValueKind.String } found ? found.Value.GetString() : null;
}
