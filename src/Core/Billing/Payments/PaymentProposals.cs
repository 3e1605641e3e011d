using System.Text;

namespace ControlPlane.Billing.Payments;

/// <summary>An invoice that a transfer may be for.</summary>
/// <param name="Buyer">The organization that the invoice was written to.</param>
/// <param name="Open">EUR.</param>
public sealed record OpenTransfer(string Number, Guid Tenant, string Buyer, decimal Open);

/// <summary>An invoice that an entry probably pays. An operator decides.</summary>
/// <param name="Because">iban: its tenant has paid from this account before; name: the payer has the buyer's name; amount: it is what is open.</param>
public sealed record PaymentProposal(string Invoice, string Buyer, decimal Open, IReadOnlyList<string> Because);

/// <summary>Proposes invoices for a transfer whose text names none.</summary>
public static class PaymentProposals
{
    const int Most = 3;
    const int ShortestWord = 3;
    const string Accented = "ÀÁÂÃÄÅĀĂĄÇĆČĎÈÉÊËĒĖĘĚÌÍÎÏĪĮĽŁÑŃŇÒÓÔÕÖØŌŐŘŚŠȘŤȚÙÚÛÜŪŮŰÝŸŹŻŽ";
    const string Plain = "AAAAAAAAACCCDEEEEEEEEIIIIIILLNNNOOOOOOOORSSSTTUUUUUUUYYZZZ";

    static readonly HashSet<string> LegalForms =
        ["GMBH", "MBH", "UG", "AG", "KG", "KGAA", "OHG", "GBR", "SE", "EV", "EG", "EK", "CO", "COKG", "LTD", "LLC", "INC", "PLC", "SARL", "SAS", "SA", "SRL", "SPA", "BV", "NV", "OY", "AB", "APS"];

    /// <param name="amount">EUR.</param>
    /// <param name="payersTenants">Those that have paid from the payer's account before.</param>
    /// <param name="open">The longest due first.</param>
    /// <returns>The likeliest first, at most three. An amount alone proposes an invoice only where it is not that of many.</returns>
    public static IReadOnlyList<PaymentProposal> For(decimal amount, string? payer, IReadOnlySet<Guid> payersTenants, IReadOnlyList<OpenTransfer> open)
    {
        if (amount <= 0)
        {
            return [];
        }

        var hasAmount = open.Count(invoice => invoice.Open == amount);
        return [.. open
            .Select(invoice => (
                Invoice: invoice, IsPayer: payersTenants.Contains(invoice.Tenant), HasName: HaveOneName(payer, invoice.Buyer), HasAmount: invoice.Open == amount))
            .Where(found => found.IsPayer || found.HasName || (found.HasAmount && hasAmount <= Most))
            .OrderByDescending(found => (found.IsPayer ? 4 : 0) + (found.HasName ? 2 : 0) + (found.HasAmount ? 1 : 0))
            .Take(Most)
            .Select(found => new PaymentProposal(
                found.Invoice.Number, found.Invoice.Buyer, found.Invoice.Open,
                [.. ((string?[])[found.IsPayer ? "iban" : null, found.HasName ? "name" : null, found.HasAmount ? "amount" : null]).OfType<string>()]))];
    }

    /// <summary>Whether all words of the shorter name are in the other: banks cut names, and leave out legal forms and accents.</summary>
    static bool HaveOneName(string? payer, string buyer)
    {
        var (one, other) = (WordsOf(payer ?? ""), WordsOf(buyer));
        var (fewer, more) = one.Count <= other.Count ? (one, other) : (other, one);
        return fewer.Any(word => word.Length >= ShortestWord) && fewer.IsSubsetOf(more);
    }

    // By a table: the runtime has no Unicode data to take accents off (InvariantGlobalization).
    static HashSet<string> WordsOf(string name)
    {
        var folded = new StringBuilder(name.Length);
        foreach (var letter in name.Replace("ß", "ss", StringComparison.Ordinal).ToUpperInvariant().Where(letter => letter is not ('.' or '\'' or '’')))
        {
            folded.Append(Accented.IndexOf(letter, StringComparison.Ordinal) is >= 0 and var at ? Plain[at] : char.IsLetterOrDigit(letter) ? letter : ' ');
        }

        // Müller is written MUELLER or MULLER.
        return [.. folded.Replace("AE", "A").Replace("OE", "O").Replace("UE", "U").ToString()
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(word => !LegalForms.Contains(word))];
    }
}
