using System.Text.Json;

namespace ControlPlane.Billing.Invoices;

/// <summary>Inserts an invoice with its lines and taxes.</summary>
static class InvoiceRows
{
    /// <summary>Takes the next number and returns it.</summary>
    public static Statement Insert(Invoice invoice, string prefix) => new(
        InsertInvoice, invoice.Id, prefix, invoice.Tenant, invoice.Period, invoice.PeriodStart, invoice.PeriodEnd, invoice.Plan, invoice.Currency, invoice.BaseCharge,
        invoice.TokenUsage, invoice.OverageTokens, invoice.OverageCharge, invoice.NetAmount, invoice.TaxLabel, invoice.TaxRate, invoice.Tax, invoice.TotalAmount,
        JsonSerializer.Serialize(invoice.Seller), JsonSerializer.Serialize(invoice.Buyer), JsonSerializer.Serialize(invoice.Notes), invoice.Status, invoice.CreatedAt,
        invoice.PaidAt, invoice.Kind, invoice.DueAt, invoice.BalanceUsed, invoice.Prices);

    public static Statement InsertLines(Invoice invoice) => new(InsertLineRows, invoice.Id, invoice.Tenant, JsonSerializer.Serialize(invoice.Lines.Select((line, ordinal) => new
    {
        ordinal,
        kind = Stored(line.Kind),
        description = line.Description,
        tokens = line.Tokens,
        quantity = line.Quantity,
        unit_price = line.UnitPrice,
        amount = line.Amount,
        of_period = line.OfPeriod,
        segment_from = line.SegmentFrom,
        segment_to = line.SegmentTo,
        plan = line.Plan,
        terms_from = line.TermsFrom,
        tax_category = line.TaxCategory,
        tax_rate = line.TaxRate,
        adjustment_id = line.Adjustment,
    })));

    public static Statement InsertTaxes(Invoice invoice) => new(InsertTaxRows, invoice.Id, invoice.Tenant, JsonSerializer.Serialize(invoice.Taxes.Select((tax, ordinal) => new
    {
        ordinal,
        category = tax.Category,
        rate = tax.Rate,
        taxable = tax.Taxable,
        tax = tax.Tax,
        code = tax.Code,
        note = tax.Note,
    })));

    public static string Stored(LineKind kind) => kind == LineKind.TopUp ? "top_up" : kind.ToString().ToLowerInvariant();

    // The row lock serializes concurrent invoices, and a rollback also undoes the increment, so the numbers have no gaps.
    const string InsertInvoice = """
        with next as (
            insert into control.invoice_sequence as s (seller, last_number) values ('default', 1)
            on conflict (seller) do update set last_number = s.last_number + 1 returning last_number)
        insert into control.invoice (id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens,
            overage_charge, net_amount, tax_label, tax_rate, tax, total_amount, seller, buyer, notes, status, created_at, paid_at, kind, due_at, balance_used, prices)
        select $1, $2 || lpad(last_number::text, greatest(6, length(last_number::text)), '0'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
               $18::jsonb, $19::jsonb, $20::jsonb, $21, $22, $23, $24, $25, $26, $27
        from next returning number
        """;

    const string InsertLineRows = """
        insert into control.invoice_line (invoice_id, tenant_id, ordinal, kind, description, tokens, quantity, unit_price, amount, of_period, segment_from, segment_to, plan,
            terms_from, tax_category, tax_rate, adjustment_id)
        select $1, $2, l.* from jsonb_to_recordset($3::jsonb) l(ordinal int, kind text, description text, tokens bigint, quantity numeric, unit_price numeric, amount numeric,
            of_period int, segment_from timestamptz, segment_to timestamptz, plan text, terms_from timestamptz, tax_category text, tax_rate numeric, adjustment_id uuid)
        """;

    const string InsertTaxRows = """
        insert into control.invoice_tax (invoice_id, tenant_id, ordinal, category, rate, taxable, tax, code, note)
        select $1, $2, t.* from jsonb_to_recordset($3::jsonb) t(ordinal int, category text, rate numeric, taxable numeric, tax numeric, code text, note text)
        """;
}
