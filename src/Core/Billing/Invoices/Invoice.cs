namespace ControlPlane.Billing.Invoices;

/// <summary>A final invoice, as stored. Amounts are in <see cref="Currency"/>, with two decimals.</summary>
public sealed record Invoice
{
    public required Guid Id { get; init; }
    public required string Number { get; init; }
    public required Guid Tenant { get; init; }
    public required int Period { get; init; }
    public required DateOnly PeriodStart { get; init; }
    /// <summary>Exclusive.</summary>
    public required DateOnly PeriodEnd { get; init; }
    public required string Plan { get; init; }
    public required string Currency { get; init; }
    public required decimal BaseCharge { get; init; }
    public required long TokenUsage { get; init; }
    public required long OverageTokens { get; init; }
    public required decimal OverageCharge { get; init; }
    public required decimal NetAmount { get; init; }
    public required string? TaxLabel { get; init; }
    public required decimal TaxRate { get; init; }
    public required decimal Tax { get; init; }
    public required decimal TotalAmount { get; init; }
    public required Seller Seller { get; init; }
    public required Buyer Buyer { get; init; }
    public required IReadOnlyList<string> Notes { get; init; }
    public required string Status { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? PaidAt { get; init; }
    public IReadOnlyList<InvoiceLine> Lines { get; init; } = [];
    /// <summary>period, interim or top_up.</summary>
    public string Kind { get; init; } = "period";
    /// <summary>When it is charged, or until when a transfer has to arrive; null: it was written before invoices could be paid.</summary>
    public DateTimeOffset? DueAt { get; init; }
    /// <summary>Negative: a debt of earlier invoices is collected with it.</summary>
    public decimal BalanceUsed { get; init; }
    /// <summary>net or gross.</summary>
    public string Prices { get; init; } = "net";
    public IReadOnlyList<InvoiceTax> Taxes { get; init; } = [];

    /// <summary>What there was to collect when it was written.</summary>
    public decimal AmountDue => TotalAmount - BalanceUsed;
}

/// <summary>The tax of an invoice at one rate.</summary>
/// <param name="Category">S, AE, Z, O or E, as in EN 16931.</param>
/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Taxable">Sum of the rounded lines.</param>
/// <param name="Code">Why it is not taxed: VATEX-EU-AE.</param>
public sealed record InvoiceTax(string Category, decimal Rate, decimal Taxable, decimal Tax, string? Code, string? Note);
