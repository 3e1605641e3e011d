using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Demo.Months;

/// <summary>A customer that has signed up: what it does over the API, and its own books about that.</summary>
public sealed partial class MonthsAccount : IDisposable
{
    readonly DemoServer _server;
    readonly HttpClient _http;
    readonly Random _random;

    public MonthsAccount(MonthsCustomer customer, DemoAccount account, DemoServer server, DateTimeOffset start, CancellationToken ct)
    {
        (Customer, Id, _server, _http, Stop) = (customer, account.Id, server, server.NewClient(account.Key), ct);
        _random = new Random(customer.Tenant.Slug.Sum(letter => letter));
        Books = new ExpectedBills(start, customer.Tenant.Plan);
    }

    public MonthsCustomer Customer { get; }
    public Guid Id { get; }
    public ExpectedBills Books { get; }

    /// <summary>Calls that were denied, by reason.</summary>
    public SortedDictionary<string, int> Denied { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether the platform has deleted the tenant, and its key with it.</summary>
    bool IsGone { get; set; }

    /// <summary>Whether the last call was denied because nothing works any more.</summary>
    bool IsLocked { get; set; }

    CancellationToken Stop { get; }

    DateTimeOffset Now { get; set; }

    /// <summary>What invoices have to name.</summary>
    public Task EnterAddressAsync() => SendAsync(HttpMethod.Patch, "/v1/organization", new { address = new { line1 = "Hauptstraße 1", postal_code = "10115", city = "Musterstadt" } });

    /// <summary>Saves a card in the portal, as the payment provider's page does: the sandbox's answers at once.</summary>
    public async Task SaveCardAsync()
    {
        using var browser = new Browser(_server.Address);
        await browser.SubmitAsync("/login", "/login", new Dictionary<string, string> { ["email"] = Customer.Tenant.Email, ["password"] = NewCustomer.Password }, Stop);
        var page = await browser.SubmitAsync("/app/billing", "/app/billing/setup", [], Stop);
        // The portal leads on by a page of its own, because its forms may not leave it.
        if (ContinueAt().Match(page) is { Success: true } onward)
        {
            await browser.OpenAsync(WebUtility.HtmlDecode(onward.Groups[1].Value), Stop);
        }
    }

    /// <summary>One working day: what was decided for it, then a call of each model, as far as the platform allows it.</summary>
    public async Task LiveAsync(DateTimeOffset now, int month, int day)
    {
        Now = now;
        if (IsGone)
        {
            return;
        }

        if (day == 1 && IsLocked)
        {
            // A month that begins without access costs nothing.
            Books.Switch(new DateTimeOffset(now.Date, TimeSpan.Zero), plan: null);
        }

        foreach (var step in Customer.Steps.Where(step => (step.Month, step.Day) == (month, day)))
        {
            await step.RunAsync(this);
        }

        foreach (var (model, percent) in Customer.Tenant.Models)
        {
            var tokens = Customer.TokensPerDay * percent / 100 * _random.Next(92, 109) / 100;
            await CallAsync(model, tokens);
        }
    }

    public Task SetOutcomeAsync(string outcome) => SendAsync(_server.Operator, HttpMethod.Post, "/v1/sandbox/payments", new { tenant_id = Id, outcome });

    /// <summary>What the preview shows is what is confirmed.</summary>
    public async Task ChangePlanAsync(string plan)
    {
        var shown = await SendAsync(HttpMethod.Post, "/v1/subscription/plan", new { plan, preview = true });
        var changed = await SendAsync(HttpMethod.Post, "/v1/subscription/plan", new { plan, effective_at = shown.GetProperty("effective_at").GetString() });
        if (changed.GetRawText() != shown.GetRawText())
        {
            throw new CommandFailedException($"{Customer.Tenant.Organization} was shown {shown.GetRawText()} and agreed to {changed.GetRawText()}");
        }

        Books.Switch(changed.GetProperty("effective_at").GetDateTimeOffset(), plan);
    }

    public async Task CancelAsync()
    {
        var reply = await SendAsync(HttpMethod.Post, "/v1/subscription/cancellation", body: null);
        Books.Switch(new DateTimeOffset(DateOnly.ParseExact(reply.GetProperty("ends_on").GetString()!, "yyyy-MM-dd", CultureInfo.InvariantCulture), TimeOnly.MinValue, TimeSpan.Zero), plan: null);
    }

    public async Task UndoCancellationAsync()
    {
        await SendAsync(HttpMethod.Delete, "/v1/subscription/cancellation", body: null);
        Books.Undo();
    }

    /// <summary>Pays all that is open, by card.</summary>
    public async Task PayAsync()
    {
        foreach (var (number, _) in await OpenAsync())
        {
            await SendAsync(HttpMethod.Post, $"/v1/invoices/{number}/pay", body: null);
        }
    }

    /// <summary>Agreed with the operator.</summary>
    public async Task PayByTransferAsync()
    {
        await using var transaction = await _server.Database.BeginJobAsync(Stop);
        await transaction.ExecuteAsync("insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer')", Stop, Id);
        await transaction.CommitAsync(Stop);
    }

    /// <summary>All that is open arrives on the bank account, where the operator sees it.</summary>
    public async Task TransferAsync()
    {
        foreach (var (number, open) in await OpenAsync())
        {
            await SendAsync(
                _server.Operator, HttpMethod.Post, $"/v1/admin/invoices/{number}/payments",
                new { amount = open, received_on = Now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), reference = $"{number} {Customer.Tenant.Organization}" });
        }
    }

    public void Dispose() => _http.Dispose();

    async Task CallAsync(string model, long tokens)
    {
        var call = $"{Now:yyyyMMdd}-{model}";
        using var asked = await _http.PostAsJsonAsync("/v1/authorize", new { request_id = call, user = "chat", model, estimated_tokens = tokens }, Stop);
        if (asked.StatusCode == HttpStatusCode.Unauthorized)
        {
            IsGone = true;
            return;
        }

        var answer = JsonDocument.Parse(await asked.TextAsync(Stop)).RootElement;
        var reason = answer.TryGetProperty("reason", out var denied) ? denied.GetString()! : "";
        IsLocked = reason == "suspended";
        if (!answer.GetProperty("allow").GetBoolean())
        {
            Denied[reason] = Denied.GetValueOrDefault(reason) + 1;
            return;
        }

        await SendAsync(HttpMethod.Post, "/v1/usage", new
        {
            id = call,
            occurred_at = Now,
            user = "chat",
            model,
            prompt_tokens = tokens - (tokens / 4),
            completion_tokens = tokens / 4,
            reservation_id = answer.GetProperty("reservation_id").GetString(),
        });
        Books.Use(Now, tokens);
    }

    async Task<List<(string Number, decimal Open)>> OpenAsync() =>
    [
        .. (await SendAsync(HttpMethod.Get, "/v1/invoices", body: null)).GetProperty("items").EnumerateArray()
            .Where(invoice => invoice.TryGetProperty("payment", out var payment) && payment.GetProperty("open").GetDecimal() > 0)
            .Select(invoice => (invoice.GetProperty("number").GetString()!, invoice.GetProperty("payment").GetProperty("open").GetDecimal())),
    ];

    Task<JsonElement> SendAsync(HttpMethod method, string path, object? body) => SendAsync(_http, method, path, body);

    async Task<JsonElement> SendAsync(HttpClient http, HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var reply = await http.SendAsync(request, Stop);
        var text = await reply.TextAsync(Stop);
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    [GeneratedRegex("class=\"button primary\" href=\"([^\"]*)\"")]
    private static partial Regex ContinueAt();
}
