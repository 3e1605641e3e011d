using ControlPlane.Benchmarks.Soak;
using Npgsql;

namespace ControlPlane.Tests.Support.Crashing;

/// <summary>Checks the invariants of a database as its owner, without row-level security.</summary>
sealed class DatabaseInvariants(string connectionString) : IAsyncDisposable
{
    readonly NpgsqlDataSource _database = NpgsqlDataSource.Create(connectionString);

    public async Task<T?> ScalarAsync<T>(string sql, params object?[] args)
    {
        await using var connection = await _database.OpenConnectionAsync();
        return await connection.ScalarAsync<T>(sql, CancellationToken.None, [.. args]);
    }

    /// <summary>The violated rules, one sentence each. Call it after the nightly and the billing job.</summary>
    public async Task<IReadOnlyList<string>> FindViolationsAsync()
    {
        var violations = new List<string>();
        foreach (var (rule, countViolations) in Rules)
        {
            if (await ScalarAsync<long>(countViolations) is > 0 and var count)
            {
                violations.Add($"{rule}: {count} violations");
            }
        }

        return violations;
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    static readonly (string Rule, string CountViolations)[] Rules =
    [
        .. Books.Rules,
        ("Invoice numbers have no gap", """
            select count(*) from (select right(number, 6)::bigint as number, row_number() over (order by number) as place from control.invoice) i where number <> place
            """),
        ("The sequence is at the last invoice", "select (select coalesce(max(last_number), 0) from control.invoice_sequence) - (select count(*) from control.invoice)"),
        ("Invoice numbers are in order of time", """
            select count(*) from (select created_at, lag(created_at) over (order by number) as before from control.invoice) i where created_at < before
            """),
        ("Every closed period has one invoice with lines and a document", """
            select count(*) from control.subscription s cross join generate_series(1, s.open_period - 1) n
            where (select count(*) from control.invoice i join control.invoice_pdf using (tenant_id)
                   where i.tenant_id = s.tenant_id and i.period = n and invoice_pdf.invoice_id = i.id
                     and exists (select 1 from control.invoice_line l where l.invoice_id = i.id)) <> 1
            """),
        ("No invoice waits for its document", "select count(*) from control.invoice_undocumented"),
        ("Tax is the sum of the breakdown, if there is one", """
            select count(*) from control.invoice i join (select invoice_id, sum(taxable) as taxable, sum(tax) as tax from control.invoice_tax group by 1) t on t.invoice_id = i.id
            where (i.net_amount, i.tax) <> (t.taxable, t.tax)
            """),
        ("What an invoice has not settled by itself is collected by one payment", """
            select count(*) from control.invoice i left join control.payment p on p.invoice_id = i.id
            where i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id and s.source = 'invoice'), 0) <> coalesce(p.amount, 0)
            """),
        ("Every invoice was mailed", """
            select count(*) from control.invoice i
            where (select count(*) from control.outbox o where o.dedupe_key like 'invoice:' || i.number || ':%' and o.sent_at is not null) <> 1
            """),
        ("Every mail was sent", "select count(*) from control.outbox where sent_at is null"),
        ("No job is marked as running", "select count(*) from control.job_run where outcome = 'running'"),
        ("No job failed", "select count(*) from control.job_run where outcome = 'failed'"),
        ("No job reported drift", "select count(*) from control.job_run where jsonb_array_length(coalesce(summary -> 'alerts', '[]')) > 0"),
        ("No provisioning run is unfinished", "select count(*) from control.provisioning_run where state <> 'succeeded'"),
        ("Every environment is ready after one run, or two once an invoice is paid, whose steps are all done", """
            select count(*) from control.tenant t cross join lateral (select count(*) as runs from control.provisioning_run r where r.tenant_id = t.id) r
            where (select state from control.environment e where e.tenant_id = t.id) is distinct from 'ready'
               or r.runs not between 1 and case when control.is_approved(t.id) then 2 else 1 end
               or (select count(*) filter (where state = 'done') from control.provisioning_step s where s.tenant_id = t.id) <> 8 * r.runs
               or (select count(*) from control.provisioning_step s where s.tenant_id = t.id) <> 8 * r.runs
            """),
        ("Every environment has one set of secrets, one gateway key and one welcome mail", """
            select count(*) from control.tenant t join control.environment e on e.tenant_id = t.id
            where (select count(*) from control.tenant_secret s where s.tenant_id = t.id) <> 10
               or (select count(*) from control.tenant_key k where k.tenant_id = t.id and name <> 'first key') <> 1
               or (select count(*) from control.outbox o where o.tenant_id = t.id and dedupe_key like 'welcome:%') <> 1
            """),
        ("Every tenant has one owner, one subscription and one webhook secret", """
            select count(*) from control.tenant t
            where (select count(*) from control.member m where m.tenant_id = t.id) <> 1
               or (select count(*) from control.subscription s where s.tenant_id = t.id) <> 1
               or (select count(*) from control.webhook_secret s where s.tenant_id = t.id) <> 1
            """),
    ];
}
