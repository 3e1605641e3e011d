namespace ControlPlane.Billing.Pdf;

/// <summary>Everything an invoice's PDF shows. Equal documents give equal bytes, so nothing here may depend on when it is rendered.</summary>
public sealed record InvoiceDocument
{
    /// <summary>What the number is the number of; for example <c>Invoice</c>.</summary>
    public string Title { get; init; } = "Invoice";

    public required DocumentSeller Seller { get; init; }
    public required DocumentBuyer Buyer { get; init; }

    /// <summary>As assigned, for example <c>2026-000042</c>.</summary>
    public required string Number { get; init; }

    /// <summary>When the number was assigned; its UTC day is printed as the invoice date.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>What that day is the day of.</summary>
    public string DateLabel { get; init; } = "Invoice date";

    /// <summary>First UTC day of the period.</summary>
    public required DateOnly PeriodStart { get; init; }

    /// <summary>The day after the period's last day; printed as the last day.</summary>
    public required DateOnly PeriodEnd { get; init; }

    /// <summary>Whether the period is printed. Credit that is bought is of none.</summary>
    public bool HasPeriod { get; init; } = true;

    /// <summary>Printed below the billing period, such as when it is due.</summary>
    public IReadOnlyList<DocumentFact> Facts { get; init; } = [];

    /// <summary>ISO 4217 code of every amount on the invoice.</summary>
    public required string Currency { get; init; }

    public required IReadOnlyList<DocumentLine> Lines { get; init; }

    /// <summary>The sum before tax; null: it is not printed.</summary>
    public decimal? Subtotal { get; init; }

    /// <summary>One for each rate, for example <c>VAT 19 %</c> or <c>VAT 0 % (reverse charge)</c>; none when no tax applies.</summary>
    public IReadOnlyList<DocumentSum> Taxes { get; init; } = [];

    public required decimal Total { get; init; }
    public string TotalLabel { get; init; } = "Total";

    /// <summary>Below the total: what is settled already, and what is left to pay.</summary>
    public IReadOnlyList<DocumentSum> Settled { get; init; } = [];

    /// <summary>Paragraphs below the total: how to pay, why no tax is charged. A line break starts a new line.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Text of a QR code below the notes, for banking apps; null: none.</summary>
    public string? PaymentCode { get; init; }
}

public sealed record DocumentSeller(string Name, IReadOnlyList<string> AddressLines, string? VatId, string Email)
{
    /// <summary>Printed as they are, such as a tax number.</summary>
    public IReadOnlyList<string> Registrations { get; init; } = [];

    /// <summary>Printed before the email address, such as a telephone number.</summary>
    public IReadOnlyList<string> Contacts { get; init; } = [];
}

public sealed record DocumentFact(string Name, string Value);

public sealed record DocumentSum(string Label, decimal Amount);

/// <param name="Country">As printed, for example <c>Austria</c>.</param>
public sealed record DocumentBuyer(string Name, IReadOnlyList<string> AddressLines, string Country, string? VatId);

/// <param name="Quantity">In units of <paramref name="Unit"/>; <c>null</c> for a flat amount.</param>
/// <param name="Unit">For example <c>month</c> or <c>1,000 tokens</c>.</param>
/// <param name="UnitPrice">In the invoice's currency per <paramref name="Unit"/>, printed with all its decimals.</param>
/// <param name="Amount">In the invoice's currency, rounded; negative for a credit.</param>
public sealed record DocumentLine(string Description, decimal? Quantity, string? Unit, decimal? UnitPrice, decimal Amount);
