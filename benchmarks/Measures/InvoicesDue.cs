using System.Globalization;
using System.Text.Json;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Invoices per second of the billing job when many periods have ended at once, without their documents, which follow in transactions of their own.</summary>
sealed class InvoicesDue(BenchEnvironment environment, BenchOptions options) : Measure
{
    /// <summary>Written before, so that the server is warm; the baseline inserts them again.</summary>
    const int Former = 1_000;

    BareInvoices? _bare;

    public override string Description => $"invoices of {options.Subscriptions:N0} subscriptions that are due at once, by the billing job, documents apart";
    public override string Baseline => "the same rows inserted into tables without row-level security, triggers and references, one transaction an invoice";
    public override string Unit => "invoices/s";
    public override double? Target => 0.2;
    public override bool HigherIsBetter => true;
    public override int? Rounds => 1;

    /// <summary>Resident memory of the server in MB while it wrote the first invoices.</summary>
    public static double FormerPeak { get; private set; }

    /// <summary>The same while it wrote all of them.</summary>
    public static double Peak { get; private set; }

    public override async Task PrepareAsync(CancellationToken ct)
    {
        (_, FormerPeak) = await BillAsync(Former, ct);
        _bare = await BareInvoices.ReadAsync(environment, ct);
    }

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var count = await _bare!.InsertAsync(environment, ct);
        return count / System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        (var seconds, Peak) = await BillAsync(options.Subscriptions, ct);
        return options.Subscriptions / seconds;
    }

    /// <returns>Seconds from the first invoice to the last one, and the highest resident memory of the server in MB.</returns>
    async Task<(double Seconds, double Megabytes)> BillAsync(int count, CancellationToken ct)
    {
        await Subscriptions.AddDueAsync(environment, count, ct);
        var before = await environment.ScalarAsync<long>("select count(*) from control.invoice", ct);
        var since = await environment.ScalarAsync<DateTime>("select now()", ct);
        var peak = 0.0;
        // A run that has no time left says so, and the next one continues.
        while (await environment.ScalarAsync<long>("select count(*) from control.invoice", ct) < before + count)
        {
            var run = environment.Operator.PostAsync("/v1/admin/jobs/billing/run", null, ct);
            while (await Task.WhenAny(run, Task.Delay(TimeSpan.FromMilliseconds(50), ct)) != run)
            {
                peak = Math.Max(peak, environment.ServerMegabytes);
            }

            using var reply = await run;
            using var result = JsonDocument.Parse(await reply.EnsureSuccessStatusCode().Content.ReadAsStringAsync(ct));
        }

        var seconds = await environment.ScalarAsync<decimal>(
            string.Create(CultureInfo.InvariantCulture, $"""
                select extract(epoch from max(occurred_at) - min(occurred_at)) from control.audit_log where action = 'period.closed' and occurred_at >= '{since:O}'
                """),
            ct);
        var numbers = await environment.ScalarAsync<long>("select max(right(number, 6)::bigint) - count(*) from control.invoice", ct);
        return numbers == 0 ? ((double)seconds, peak) : throw new InvalidDataException($"{numbers} invoice numbers are missing.");
    }
}

/// <summary>Whether the memory of the server depends on how many invoices a run writes, documents included. Follows <see cref="InvoicesDue"/>.</summary>
sealed class InvoiceMemory(BenchOptions options) : Measure
{
    public override string Description => $"server memory while writing {options.Subscriptions:N0} invoices with their documents";
    public override string Baseline => "the same while writing 1,000";
    public override string Unit => "MB";
    public override double? Target => 50;
    public override int? Rounds => 1;

    public override Task<double> BaselineAsync(CancellationToken ct) => Task.FromResult(InvoicesDue.FormerPeak);

    public override Task<double> OursAsync(CancellationToken ct) =>
        InvoicesDue.Peak > 0 ? Task.FromResult(InvoicesDue.Peak) : throw new InvalidOperationException("Measure it together with invoices: --only invoices invoice-memory.");
}
