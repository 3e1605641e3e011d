using ControlPlane.Tests.Billing.Invoices;
using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing.Credits;

public class CreditNoteAmountsTests
{
    static readonly Invoice Invoice = InvoiceDraft.Of(Bills.Facts(Bills.German)).Invoice;

    [Fact]
    public void The_whole_invoice_can_be_taken_back()
    {
        var note = CreditNoteAmounts.Rest(Invoice, [])!;

        Assert.Equal((12.25m, 2.33m, 14.58m), (note.Net, note.Tax, note.Total));
        Assert.Null(CreditNoteAmounts.Rest(Invoice, [note]));
    }

    [Fact]
    public void Notes_for_parts_add_up_to_the_invoice_to_the_cent()
    {
        var overage = CreditNoteAmounts.Part(Invoice, [], [new CreditedLine(2, 2.35m)])!;
        var rest = CreditNoteAmounts.Rest(Invoice, [overage])!;

        Assert.Equal([(2.35m, 0.45m), (9.90m, 1.88m)], new[] { overage, rest }.Select(note => (note.Net, note.Tax)));
        Assert.Equal([0], rest.Lines.Select(line => line.Line));
    }

    [Theory]
    [InlineData(0, "9.91")]
    [InlineData(2, "2.36")]
    [InlineData(1, "0.01")]
    [InlineData(3, "1")]
    [InlineData(-1, "1")]
    [InlineData(0, "0")]
    [InlineData(0, "-1")]
    [InlineData(0, "1.001")]
    public void A_line_cannot_be_taken_back_beyond_its_amount(int line, string net) =>
        Assert.Null(CreditNoteAmounts.Part(Invoice, [], [new CreditedLine(line, decimal.Parse(net))]));

    [Fact]
    public void A_line_named_twice_is_refused() =>
        Assert.Null(CreditNoteAmounts.Part(Invoice, [], [new CreditedLine(0, 5), new CreditedLine(0, 5)]));

    [Fact]
    public void No_more_than_was_charged_after_discounts_can_be_taken_back()
    {
        var discounted = InvoiceDraft.Of(Bills.Facts(Bills.German) with { Coupons = [new RedeemedCoupon("HALF", 50, null)] }).Invoice;

        Assert.Null(CreditNoteAmounts.Part(discounted, [], [new CreditedLine(0, 9.90m)]));
        var note = CreditNoteAmounts.Part(discounted, [], [new CreditedLine(0, 6m)])!;
        Assert.Equal(discounted.NetAmount - 6m, CreditNoteAmounts.Rest(discounted, [note])!.Net);
    }

    [Fact]
    public void An_invoice_of_before_there_was_a_breakdown_can_be_taken_back()
    {
        var old = Invoice with { Taxes = [], Lines = [.. Invoice.Lines.Select(line => line with { TaxCategory = null, TaxRate = null })] };

        Assert.Equal(14.58m, CreditNoteAmounts.Rest(old, [])!.Total);
        var untaxed = InvoiceDraft.Of(Bills.Facts(Bills.Untaxed)).Invoice;
        Assert.Equal((12.25m, 0m), (CreditNoteAmounts.Rest(untaxed, [])!.Net, CreditNoteAmounts.Rest(untaxed, [])!.Tax));
    }

    [Fact]
    public void Whatever_parts_are_taken_back_notes_never_exceed_the_invoice_and_end_at_it() =>
        Prop.ForAll(Gen.Choose(0, 3_000_000).ToArbitrary(), Gen.Choose(1, 100).ListOf().ToArbitrary(), (used, parts) =>
        {
            var invoice = InvoiceDraft.Of(Bills.Facts(Bills.German, used)).Invoice;
            var notes = new List<CreditNoteAmounts>();
            foreach (var (index, percent) in parts.Index())
            {
                var line = index % invoice.Lines.Count;
                if (CreditNoteAmounts.Part(invoice, notes, [new CreditedLine(line, Money.ToCents(invoice.Lines[line].Amount * percent / 100))]) is { } note)
                {
                    notes.Add(note);
                }
            }

            var within = notes.Sum(note => note.Net) <= invoice.NetAmount && notes.Sum(note => note.Tax) <= invoice.Tax && notes.All(note => note.Tax >= 0);
            if (CreditNoteAmounts.Rest(invoice, notes) is { } rest)
            {
                notes.Add(rest);
            }

            return within && notes.Sum(note => note.Total) == invoice.TotalAmount && CreditNoteAmounts.Rest(invoice, notes) is null;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("14.58", "14.58", "0", "14.58", "0", "0")]
    [InlineData("14.58", "0", "14.58", "0", "14.58", "0")]
    [InlineData("14.58", "0", "0", "0", "0", "14.58")]
    [InlineData("11.66", "0", "6.66", "0", "6.66", "5")]
    [InlineData("14.58", "4", "5", "4", "5", "5.58")]
    [InlineData("2.80", "14.58", "0", "2.80", "0", "0")]
    public void A_note_reduces_what_is_open_and_gives_back_the_rest(string total, string open, string refundable, string toOpen, string toRefund, string toBalance) =>
        Assert.Equal(
            new CreditApplication(decimal.Parse(toOpen), decimal.Parse(toRefund), decimal.Parse(toBalance)),
            CreditApplication.Of(decimal.Parse(total), decimal.Parse(open), decimal.Parse(refundable)));
}
