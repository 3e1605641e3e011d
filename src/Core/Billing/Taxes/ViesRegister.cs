using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Billing.Taxes;

/// <summary>
/// The register of the European Commission (VIES). With the seller's own VAT id, the answer has a consultation number, which proves that the question was asked.
/// </summary>
/// <param name="requester">The seller's VAT id; null: answers prove nothing.</param>
public sealed class ViesRegister(HttpClient http, string? requester) : IVatRegister
{
    public static readonly Uri Service = new("https://ec.europa.eu/taxation_customs/vies/rest-api/check-vat-number");

    /// <summary>The client for <see cref="ViesRegister"/>: the register can be slow.</summary>
    public static HttpClient CreateClient() => new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false })
    {
        BaseAddress = Service,
        Timeout = TimeSpan.FromSeconds(30),
        MaxResponseContentBufferSize = 64 * 1024,
    };

    public async Task<VatAnswer> CheckAsync(string vatId, CancellationToken ct)
    {
        try
        {
            var question = new { countryCode = vatId[..2], vatNumber = vatId[2..], requesterMemberStateCode = requester?[..2] ?? "", requesterNumber = requester?[2..] ?? "" };
            using var response = await http.PostAsJsonAsync((Uri?)null, question, ct);
            return Read(await response.Content.ReadAsStringAsync(ct), (int)response.StatusCode);
        }
        catch (HttpRequestException e)
        {
            return new VatAnswer.Unavailable(e.HttpRequestError.ToString());
        }
        catch (TaskCanceledException) when (!ct.IsCancellationRequested)
        {
            return new VatAnswer.Unavailable("TIMEOUT");
        }
    }

    /// <summary>Only a clear yes or no is an answer: a member state that does not respond says nothing about the number.</summary>
    public static VatAnswer Read(string body, int status)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement is not { ValueKind: JsonValueKind.Object } answer)
            {
                return new VatAnswer.Unavailable($"HTTP {status}");
            }

            if (answer.TryGetProperty("errorWrappers", out var errors) && errors is { ValueKind: JsonValueKind.Array } && errors.GetArrayLength() > 0)
            {
                return new VatAnswer.Unavailable(Text(errors[0], "error") ?? $"HTTP {status}");
            }

            return (status, answer.TryGetProperty("valid", out var valid) ? valid.ValueKind : JsonValueKind.Undefined) switch
            {
                (200, JsonValueKind.True) => new VatAnswer.Valid(Text(answer, "requestIdentifier"), Text(answer, "name"), Text(answer, "address"), Storable(body)),
                (200, JsonValueKind.False) => new VatAnswer.Invalid(Storable(body)),
                _ => new VatAnswer.Unavailable($"HTTP {status}"),
            };
        }
        catch (JsonException)
        {
            return new VatAnswer.Unavailable($"HTTP {status}");
        }
    }

    // PostgreSQL's JSON has no U+0000.
    static string Storable(string body) => body.Replace("\\u0000", "", StringComparison.Ordinal);

    // Three dashes: the member state does not tell.
    static string? Text(JsonElement answer, string name) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text and not "---" ? text : null;
}
