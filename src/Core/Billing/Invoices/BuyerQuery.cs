using ControlPlane.Billing.Payments;
using Npgsql;

namespace ControlPlane.Billing.Invoices;

/// <summary>The buyer as it is now, with the register's last answer about its VAT id, and how it was agreed to pay.</summary>
static class BuyerQuery
{
    public static (Buyer Buyer, AgreedPayment Agreed) Read(NpgsqlDataReader row) => (ReadBuyer(row), new AgreedPayment(row.Get<string>(13), row.Get<int?>(14), row.Get<decimal?>(15)));

    static Buyer ReadBuyer(NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), row.Get<string>(2))
    {
        AddressLine1 = row.Get<string>(3),
        AddressLine2 = row.Get<string>(4),
        PostalCode = row.Get<string>(5),
        City = row.Get<string>(6),
        State = row.Get<string>(7),
        InvoiceEmail = row.Get<string>(8),
        Reference = row.Get<string>(9),
        Language = row.GetString(10),
        VatIdConfirmedAt = row.Get<DateTimeOffset?>(11),
        Consultation = row.Get<string>(12),
    };

    /// <summary>$1: tenant; $2: when the invoice is written.</summary>
    public const string Select = """
        select t.organization, t.country, t.vat_id, t.address_line1, t.address_line2, t.postal_code, t.city, t.address_state, t.invoice_email, t.invoice_reference, t.language,
               case when c.state = 'valid' then c.answered_at end, case when c.state = 'valid' then c.consultation end,
               p.collection, p.payment_days, p.exposure_eur
        from control.tenant t
        left join lateral (select a.state, a.answered_at, a.consultation from control.vat_confirmation a
                           where a.tenant_id = t.id and a.vat_id = t.vat_id and a.answered_at <= $2 order by a.answered_at desc limit 1) c on true
        left join control.billing_profile p on p.tenant_id = t.id
        where t.id = $1
        """;
}
