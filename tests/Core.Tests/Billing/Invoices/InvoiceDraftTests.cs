namespace ControlPlane.Tests.Billing.Invoices;

/// <summary>From lines to what is collected. The invoice is 9.90 + 2.35 net, with 19 % 14.58, unless a test says otherwise.</summary>
public class InvoiceDraftTests
{
    [Fact]
    public void The_total_is_the_lines_and_the_tax_on_their_sum()
    {
        var invoice = InvoiceDraft.Of(Bills.Facts(Bills.German)).Invoice;

        Assert.Equal((9.90m, 2.35m, 12.25m, 2.33m, 14.58m), (invoice.BaseCharge, invoice.OverageCharge, invoice.NetAmount, invoice.Tax, invoice.TotalAmount));
        Assert.Equal((1_234_567, 234_567, "VAT 19 %", 0.19m, "open"), (invoice.TokenUsage, invoice.OverageTokens, invoice.TaxLabel, invoice.TaxRate, invoice.Status));
        Assert.Equal([new InvoiceTax("S", 0.19m, 12.25m, 2.33m, null, null)], invoice.Taxes);
    }

    [Fact]
    public void Coupons_reduce_what_is_taxed_and_the_balance_what_is_due()
    {
        var draft = InvoiceDraft.Of(Bills.Facts(Bills.German) with { Coupons = [new RedeemedCoupon("SPRING", 20, null)], Balance = 5 });

        Assert.Equal((-2.45m, "Coupon SPRING, 20 %"), (draft.Invoice.Lines[^1].Amount, draft.Invoice.Lines[^1].Description));
        Assert.Equal((9.80m, 1.86m, 11.66m, 5m, 6.66m), (draft.Invoice.NetAmount, draft.Invoice.Tax, draft.Invoice.TotalAmount, draft.Invoice.BalanceUsed, draft.ToCollect.ToPay));
        Assert.Equal(["SPRING"], draft.Coupons);
    }

    [Fact]
    public void Goodwill_beyond_the_invoice_is_kept_and_the_invoice_is_paid_at_once()
    {
        var goodwill = new Adjustment(Bills.NewId(), AdjustmentKind.Goodwill, "Sorry", 15);
        var draft = InvoiceDraft.Of(Bills.Facts(Bills.German) with { Adjustments = [goodwill] });

        Assert.Equal((0m, 0m, 0m, "paid"), (draft.Invoice.NetAmount, draft.Invoice.TotalAmount, draft.ToCollect.ToPay, draft.Invoice.Status));
        Assert.Equal(2.75m, goodwill.Remaining - draft.Used[goodwill.Id]);
    }

    [Fact]
    public void What_was_prepaid_is_not_taxed_again()
    {
        var prepaid = new Adjustment(Bills.NewId(), AdjustmentKind.Prepaid, "Prepaid", 50);
        var draft = InvoiceDraft.Of(Bills.Facts(Bills.German) with { Adjustments = [prepaid] });

        Assert.Equal((-12.25m, 0m, 37.75m), (draft.Invoice.Lines[^1].Amount, draft.Invoice.TotalAmount, prepaid.Remaining - draft.Used[prepaid.Id]));
    }

    [Fact]
    public void Discounts_apply_in_order_each_to_what_the_one_before_has_left()
    {
        var draft = InvoiceDraft.Of(Bills.Facts(Bills.German) with
        {
            Coupons = [new RedeemedCoupon("HALF", 50, null), new RedeemedCoupon("FIVE", null, 5), new RedeemedCoupon("OTHER", 10, null, ["premium"])],
            Adjustments =
            [
                new Adjustment(Bills.NewId(), AdjustmentKind.Goodwill, "Sorry", 1), new Adjustment(Bills.NewId(), AdjustmentKind.Prepaid, "Prepaid", 50),
                new Adjustment(Bills.NewId(), AdjustmentKind.Manual, "Set-up", 7.75m), new Adjustment(Bills.NewId(), AdjustmentKind.Manual, "Less", -2),
            ],
        });

        Assert.Equal(
            [(LineKind.Manual, 7.75m), (LineKind.Manual, -2m), (LineKind.Coupon, -9m), (LineKind.Coupon, -5m), (LineKind.Goodwill, -1m), (LineKind.Prepaid, -3m)],
            draft.Invoice.Lines.Skip(3).Select(line => (line.Kind, line.Amount)));
        Assert.Equal(["HALF", "FIVE"], draft.Coupons);
    }

    [Fact]
    public void A_discount_is_divided_between_the_rates_and_each_is_taxed_on_its_sum()
    {
        // March is taxed at 19 %, April at 16 %, and a book at 7 %.
        var seller = Bills.German with { TaxPercent = null };
        var draft = InvoiceDraft.Of(Bills.Facts(seller) with
        {
            Period = Bills.April,
            Segments = Bills.Segments(Bills.April, "2026-03-01T00:00Z basic"),
            Used = [0],
            Late = [new LateUsage(Bills.March, Bills.Segments(Bills.March, "2026-03-01T00:00Z basic"), [1_000_000], [1_000_000])],
            Adjustments = [new Adjustment(Bills.NewId(), AdjustmentKind.Manual, "Book", 10, "reduced"), new Adjustment(Bills.NewId(), AdjustmentKind.Goodwill, "Sorry", 2.99m)],
        });

        Assert.Equal([(0.16m, 8.91m, 1.43m), (0.19m, 9.00m, 1.71m), (0.07m, 9.00m, 0.63m)], draft.Invoice.Taxes.Select(tax => (tax.Rate, tax.Taxable, tax.Tax)));
        Assert.Equal((26.91m, 3.77m), (draft.Invoice.NetAmount, draft.Invoice.Tax));
    }

    [Theory]
    [InlineData("14.58", "0", false, "0", "0", "0", "14.58")]
    [InlineData("14.58", "20", false, "14.58", "0", "0", "0")]
    [InlineData("0.36", "0", false, "0", "0.36", "0", "0")]
    [InlineData("11.78", "-0.36", false, "-0.36", "0", "0", "12.14")]
    [InlineData("0.10", "-0.36", false, "-0.36", "0.46", "0", "0")]
    [InlineData("0.14", "-0.36", false, "-0.36", "0", "0", "0.50")]
    [InlineData("10", "9.90", false, "9.90", "0.10", "0", "0")]
    [InlineData("0.36", "0", true, "0", "0", "0.36", "0")]
    [InlineData("0", "-0.36", false, "0", "0", "0", "0")]
    public void Less_than_fifty_cents_is_collected_with_the_next_invoice(
        string total, string balance, bool isLast, string used, string carried, string writtenOff, string toPay)
    {
        var collection = ToCollect.Of(decimal.Parse(total), decimal.Parse(balance), isLast);

        Assert.Equal(
            (decimal.Parse(used), decimal.Parse(carried), decimal.Parse(writtenOff), decimal.Parse(toPay)),
            (collection.BalanceUsed, collection.Carried, collection.WrittenOff, collection.ToPay));
    }
}
