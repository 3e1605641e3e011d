using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Taxes;

/// <summary>
/// Takes the tax out of prices that include it. Lines stay net, and tax stays that on the sum of the rounded lines of a rate (EN 16931), so not every gross amount can be reached: at 19 %,
/// 0.10 net is 0.12 and 0.09 is 0.11, but 0.08 is 0.10 and 0.07 is 0.08. Where one cannot be reached, the customer pays a cent less, never more. Pure.
/// </summary>
public static class GrossPrices
{
    /// <summary>The largest net amount that with its tax is no more than the gross amount; both in cents.</summary>
    /// <param name="rate">A fraction: 0.19.</param>
    public static decimal Net(decimal gross, decimal rate)
    {
        if (gross < 0)
        {
            return -Net(-gross, rate);
        }

        var net = Money.ToCents(gross / (1 + rate));
        while (net + Money.ToCents(net * rate) > gross)
        {
            net -= 0.01m;
        }

        return net;
    }

    /// <summary>The lines with net amounts and prices. Per rate they add up to the net amount of the sum, each within a cent of its own.</summary>
    /// <param name="lines">With gross amounts and prices, each with its tax rate.</param>
    public static IEnumerable<InvoiceLine> ToNet(IEnumerable<InvoiceLine> lines)
    {
        var gross = new Dictionary<(string? Category, decimal Rate), decimal>();
        foreach (var line in lines)
        {
            var (group, rate) = ((line.TaxCategory, line.TaxRate ?? 0), line.TaxRate ?? 0);
            var before = gross.GetValueOrDefault(group);
            // What the lines add up to is rounded, not each line: so nothing is left over.
            gross[group] = before + line.Amount;
            var amount = Net(gross[group], rate) - Net(before, rate);
            yield return line with { Amount = amount, UnitPrice = line.UnitPrice == line.Amount && line.Quantity == 1 ? amount : Math.Round(line.UnitPrice / (1 + rate), 6, MidpointRounding.AwayFromZero) };
        }
    }
}
