using System.Globalization;
using System.Text;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Request bodies from valid to absurd. One document has every field of the API, so that each endpoint finds its own.</summary>
sealed class FuzzedBody(Random random, TestTenant prey, DateTimeOffset now)
{
    static readonly string[] FormFields =
        ["email", "password", "organization", "slug", "plan", "country", "vat_id", "accept_terms", "token", "return", "key", "name", "code", "role", "q"];

    public HttpContent? Next(FuzzedRoute route, Caller caller) => random.Next(12) switch
    {
        > 3 when route.TakesForm => Of(Encoding.UTF8.GetBytes(Form(route, caller)), "application/x-www-form-urlencoded"),
        0 => null,
        1 => Of(random.Bytes(2_000), random.Of(HostileValues.ContentTypes)),
        2 => Of(random.Mutated(Document()), random.Of(HostileValues.ContentTypes)),
        3 => Of(Multipart(caller), "multipart/form-data; boundary=x"),
        4 => Of(Encoding.UTF8.GetBytes(Nested(random.Next(1, 5_000))), "application/json"),
        5 => Of(random.Mutated($"[{Document()},{Document()}]"), "application/json"),
        6 => Of(random.Mutated($"{Document()}\n\n{Document()}\nnot json\n{Document()}"), "application/x-ndjson"),
        7 => Of(Encoding.UTF8.GetBytes($$"""{"specversion":"1.0","id":"e","type":"t","source":"s","time":{{random.Of(HostileValues.Json)}},"data":{{Document()}}}"""), "application/cloudevents+json"),
        _ => Of(Encoding.UTF8.GetBytes(Document()), "application/json"),
    };

    /// <summary>A valid document, or one with a few invalid fields.</summary>
    public string Document()
    {
        var fields = ValidFields();
        for (var wrong = random.Next(4); wrong > 0; wrong--)
        {
            fields[random.Of(fields.Keys.ToList())] = random.Of(HostileValues.Json);
        }

        if (random.Next(4) == 0)
        {
            fields[random.Of<string>(["\\ud800", "i\\ud800", "", "__proto__", "\\u0000", "id\\u0000"])] = "1";
        }

        return $"{{{string.Join(',', fields.Select(field => $"\"{field.Key}\":{field.Value}"))}}}";
    }

    Dictionary<string, string> ValidFields()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"f{random.NextInt64(1_000_000_000)}");
        return new()
        {
            ["id"] = $"\"{name}\"",
            ["occurred_at"] = $"\"{now:yyyy-MM-ddTHH:mm:ssZ}\"",
            ["user"] = "\"u\"",
            ["session"] = "\"s\"",
            ["model"] = "\"gemini-pro\"",
            ["prompt_tokens"] = "10",
            ["completion_tokens"] = "5",
            ["cached_prompt_tokens"] = "4",
            ["reasoning_tokens"] = "5",
            ["cache_hit"] = "true",
            ["reservation_id"] = $"\"{prey.Id}\"",
            ["feature"] = "\"image\"",
            ["quantity"] = "1",
            ["endTime"] = string.Create(CultureInfo.InvariantCulture, $"{now.ToUnixTimeSeconds()}.25"),
            ["end_user"] = "\"u\"",
            ["trace_id"] = "\"t\"",
            ["status"] = "\"success\"",
            ["metadata"] = "{\"user_api_key_user_id\":\"u\"}",
            ["model_group"] = "\"gemini-pro\"",
            ["email"] = $"\"{name}@example.com\"",
            ["organization"] = "\"Fuzz GmbH\"",
            ["slug"] = $"\"{name}\"",
            ["plan"] = "\"basic\"",
            ["country"] = "\"DE\"",
            ["vat_id"] = "\"DE123456788\"",
            ["password"] = "\"short\"",
            ["accept_terms"] = "true",
            ["name"] = "\"key\"",
            ["price_eur_per_month"] = "null",
            ["overage_eur_per_1000"] = "null",
            ["request_id"] = $"\"{name}\"",
            ["estimated_tokens"] = "100",
            ["tenant_id"] = $"\"{prey.Id}\"",
            ["outcome"] = "\"succeed\"",
            ["role"] = "\"viewer\"",
            ["now"] = $"\"{now.AddHours(1):yyyy-MM-ddTHH:mm:ssZ}\"",
        };
    }

    string Nested(int depth) => random.Next(2) == 0
        ? new string('[', depth) + new string(']', random.Next(2) == 0 ? depth : 0)
        : string.Concat(Enumerable.Repeat("{\"data\":", depth)) + "1" + new string('}', depth);

    string Form(FuzzedRoute route, Caller caller)
    {
        var fields = FormFields.Concat(route.Names).Where(_ => random.Next(3) > 0).Select(name => $"{name}={random.Of(HostileValues.Encoded)}").ToList();
        if (random.Next(6) > 0 && caller.FormToken is { } token)
        {
            fields.Insert(0, $"__RequestVerificationToken={Uri.EscapeDataString(token)}");
        }
        else if (random.Next(2) == 0)
        {
            fields.Add($"__RequestVerificationToken={random.Of(HostileValues.Encoded)}");
        }

        return string.Join('&', fields);
    }

    byte[] Multipart(Caller caller)
    {
        var fields = FormFields.Select(name => $"--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n\0\r\n");
        var token = $"--x\r\nContent-Disposition: form-data; name=\"__RequestVerificationToken\"\r\n\r\n{caller.FormToken}\r\n";
        var whole = $"{token}{string.Concat(fields)}--x--\r\n";
        return random.Next(2) == 0 ? Encoding.UTF8.GetBytes(whole) : random.Mutated(whole);
    }

    static ByteArrayContent Of(byte[] body, string contentType)
    {
        var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return content;
    }
}
