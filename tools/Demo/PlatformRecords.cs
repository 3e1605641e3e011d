using System.Globalization;
using System.Text.Json;

namespace ControlPlane.Demo;

/// <summary>An invoice as returned by GET /v1/invoices, and the path of its saved PDF.</summary>
/// <param name="Overage">EUR, excludes late tokens.</param>
/// <param name="Late">EUR.</param>
public sealed record IssuedInvoice(
    string Number, DateOnly PeriodStart, DateOnly PeriodEnd, long Tokens, long LateTokens, decimal Base, decimal Overage, decimal Late, decimal Total,
    long LineTokens, decimal LineAmounts, string Pdf);

/// <summary>Everything the platform records about one tenant.</summary>
/// <param name="Reported">GET /v1/usage, by model.</param>
/// <param name="Held">Quarantined submissions, including repeats.</param>
public sealed record PlatformRecords(
    IReadOnlyDictionary<string, Sums> Reported, Sums Events, Sums Counters, Sums DailyUsage, long Held, IReadOnlyList<IssuedInvoice> Invoices)
{
    public Sums ReportedSum => Reported.Values.Aggregate(default(Sums), (sum, model) => sum + model);
}

/// <summary>Reads the platform's records: reported values through the API, stored ones from the database.</summary>
sealed class ReadPlatformRecords(DemoServer server, string pdfFolder)
{
    /// <param name="from">UTC day.</param>
    /// <param name="to">UTC day, exclusive.</param>
    public async Task<PlatformRecords> RunAsync(DemoAccount account, DateOnly from, DateOnly to, CancellationToken ct)
    {
        using var http = server.NewClient(account.Key);
        var usage = await GetAsync(http, string.Create(CultureInfo.InvariantCulture, $"/v1/usage?from={from:yyyy-MM-dd}&to={to:yyyy-MM-dd}&group_by=model"), ct);
        var invoices = new List<IssuedInvoice>();
        foreach (var invoice in await GetAsync(http, "/v1/invoices", ct))
        {
            invoices.Insert(0, Read(invoice, await SavePdfAsync(http, invoice.GetProperty("number").GetString()!, ct)));
        }

        await using var database = await server.Database.BeginJobAsync(ct);
        return new PlatformRecords(
            usage.ToDictionary(
                row => row.GetProperty("model").GetString()!,
                row => new Sums(row.GetProperty("requests").GetInt64(), row.GetProperty("total_tokens").GetInt64(), row.GetProperty("cost").GetDecimal())),
            await SumAsync(database, Events, account, ct), await SumAsync(database, Counters, account, ct), await SumAsync(database, DailyUsage, account, ct),
            await HeldAsync(account, ct), invoices);
    }

    async Task<long> HeldAsync(DemoAccount account, CancellationToken ct) =>
        (await GetAsync(server.Operator, $"/v1/admin/quarantine?tenant_id={account.Id}", ct)).Sum(held => held.GetProperty("times_seen").GetInt64());

    async Task<string> SavePdfAsync(HttpClient http, string number, CancellationToken ct)
    {
        var pdf = await http.GetByteArrayAsync(new Uri($"/v1/invoices/{number}.pdf", UriKind.Relative), ct);
        if (!pdf.AsSpan().StartsWith("%PDF-"u8))
        {
            throw new CommandFailedException($"/v1/invoices/{number}.pdf is not a PDF.");
        }

        Directory.CreateDirectory(pdfFolder);
        var path = Path.Combine(pdfFolder, $"{number}.pdf");
        await File.WriteAllBytesAsync(path, pdf, ct);
        return path;
    }

    /// <summary>All items of a list, across pages.</summary>
    static async Task<List<JsonElement>> GetAsync(HttpClient http, string path, CancellationToken ct)
    {
        var items = new List<JsonElement>();
        for (string? cursor = ""; cursor is not null;)
        {
            using var reply = await http.GetAsync(new Uri($"{path}{(path.Contains('?') ? '&' : '?')}limit=1000{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}", UriKind.Relative), ct);
            var page = JsonDocument.Parse(await reply.TextAsync(ct)).RootElement;
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.TryGetProperty("next_cursor", out var next) ? next.GetString() : null;
        }

        return items;
    }

    static IssuedInvoice Read(JsonElement invoice, string pdf)
    {
        var lines = invoice.GetProperty("lines").EnumerateArray().ToList();
        return new IssuedInvoice(
            invoice.GetProperty("number").GetString()!, Day("period_start"), Day("period_end"), invoice.GetProperty("token_usage").GetInt64(),
            lines.Where(line => IsOf(line, "late")).Sum(Tokens), invoice.GetProperty("base_charge").GetDecimal(),
            lines.Where(line => IsOf(line, "overage")).Sum(Amount), lines.Where(line => IsOf(line, "late")).Sum(Amount),
            invoice.GetProperty("total_amount").GetDecimal(), lines.Sum(Tokens), lines.Sum(Amount), pdf);

        DateOnly Day(string name) => DateOnly.ParseExact(invoice.GetProperty(name).GetString()!, "yyyy-MM-dd", CultureInfo.InvariantCulture);
        static bool IsOf(JsonElement line, string kind) => line.GetProperty("kind").GetString() == kind;
        static long Tokens(JsonElement line) => line.GetProperty("tokens").GetInt64();
        static decimal Amount(JsonElement line) => line.GetProperty("amount").GetDecimal();
    }

    static async Task<Sums> SumAsync(Transaction database, string sql, DemoAccount account, CancellationToken ct) =>
        await database.FirstAsync(sql, row => new Sums(row.GetInt64(0), row.GetInt64(1), row.GetDecimal(2)), ct, account.Id);

    const string Events = """
        select count(*), coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint, coalesce(sum(cost), 0) from control.usage_event where tenant_id = $1
        """;

    const string Counters = """
        select coalesce(sum(requests), 0)::bigint, coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint, coalesce(sum(cost), 0)
        from control.usage_counter where tenant_id = $1
        """;

    const string DailyUsage = """
        select coalesce(sum(requests), 0)::bigint, coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint, coalesce(sum(cost), 0)
        from control.daily_usage where tenant_id = $1
        """;
}
