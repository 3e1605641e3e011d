using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace ControlPlane.Billing.Payments;

/// <summary>One movement on the seller's account.</summary>
/// <param name="Account">IBAN.</param>
/// <param name="Reference">The bank's, or a hash of the entry: the same in every statement that has it.</param>
/// <param name="Amount">EUR; negative: money that left the account.</param>
/// <param name="PayerIban">null: the bank does not say.</param>
public sealed record BankEntry(string Account, string Reference, DateOnly BookedOn, decimal Amount, string? Payer, string Remittance, string? PayerIban = null);

/// <summary>The statement cannot be read; the message says why.</summary>
public sealed class StatementException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Reads bank statements in the format camt.053, versions 2 and 8.</summary>
public static class CamtStatement
{
    public const int MaximumBytes = 4 * 1024 * 1024;
    const int MaximumText = 500;

    static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = MaximumBytes,
        MaxCharactersFromEntities = 0,
        IgnoreComments = true,
    };

    /// <returns>The booked movements in euros, in their order.</returns>
    /// <exception cref="StatementException">It is not such a statement.</exception>
    public static IReadOnlyList<BankEntry> Read(Stream statement)
    {
        XDocument document;
        try
        {
            using var reader = XmlReader.Create(statement, Settings);
            document = XDocument.Load(reader);
        }
        catch (XmlException e)
        {
            throw new StatementException($"The file is not XML that can be read: {e.Message}", e);
        }

        var ns = document.Root!.Name.Namespace;
        if (!ns.NamespaceName.StartsWith("urn:iso:std:iso:20022:tech:xsd:camt.053.001.", StringComparison.Ordinal) || document.Root.Element(ns + "BkToCstmrStmt") is not { } message)
        {
            throw new StatementException("The file is not a bank statement in the format camt.053.");
        }

        return [.. message.Elements(ns + "Stmt").SelectMany(one => EntriesOf(one, ns))];
    }

    static IEnumerable<BankEntry> EntriesOf(XElement statement, XNamespace ns)
    {
        var account = Text(statement, ns, "Acct", "Id", "IBAN") ?? throw new StatementException("A statement has no IBAN.");
        foreach (var entry in statement.Elements(ns + "Ntry").Where(entry => IsBooked(entry, ns) && IsInEuros(entry, ns)))
        {
            // One entry may stand for several transfers, which banks then list.
            var details = entry.Elements(ns + "NtryDtls").Elements(ns + "TxDtls").ToList();
            var isBatch = details.Count > 1;
            foreach (var (ordinal, detail) in (details.Count == 0 ? [entry] : details).Index())
            {
                yield return Entry(account, entry, detail, isBatch ? ordinal : null, ns);
            }
        }
    }

    static BankEntry Entry(string account, XElement entry, XElement detail, int? ordinal, XNamespace ns)
    {
        var amount = Amount(ordinal is null ? entry : detail, ns);
        var isDebit = (Text(detail, ns, "CdtDbtInd") ?? Text(entry, ns, "CdtDbtInd")) == "DBIT";
        var booked = Date(entry, ns, "BookgDt") ?? Date(entry, ns, "ValDt") ?? throw new StatementException("An entry has no booking date.");
        var parties = detail.Element(ns + "RltdPties");
        var party = parties?.Element(ns + (isDebit ? "Cdtr" : "Dbtr"));
        var iban = parties is null ? null : Text(parties, ns, isDebit ? "CdtrAcct" : "DbtrAcct", "Id", "IBAN");
        var payer = party is null ? null : Text(party, ns, "Nm") ?? Text(party, ns, "Pty", "Nm");
        var remittance = Remittance(detail, ns);
        var reference = Text(detail, ns, "Refs", "AcctSvcrRef") ?? Text(entry, ns, "AcctSvcrRef");
        // Statements of the same day may be sent twice, and not all banks give references.
        reference = reference is null
            ? "sha256:" + Hash($"{booked:O}|{amount}|{isDebit}|{payer}|{remittance}|{Text(entry, ns, "NtryRef")}|{Text(detail, ns, "Refs", "EndToEndId")}|{ordinal}")
            : ordinal is null ? reference : string.Create(CultureInfo.InvariantCulture, $"{reference}#{ordinal}");
        return new BankEntry(account, Short(reference), booked, isDebit ? -amount : amount, payer is null ? null : Short(payer), Short(remittance), iban is null ? null : Short(iban));
    }

    static bool IsBooked(XElement entry, XNamespace ns) => (Text(entry, ns, "Sts", "Cd") ?? Text(entry, ns, "Sts")) is null or "BOOK";

    static bool IsInEuros(XElement entry, XNamespace ns) => entry.Element(ns + "Amt")?.Attribute("Ccy")?.Value == "EUR";

    static decimal Amount(XElement element, XNamespace ns)
    {
        var text = Text(element, ns, "Amt") ?? Text(element, ns, "AmtDtls", "TxAmt", "Amt") ?? Text(element, ns, "AmtDtls", "InstdAmt", "Amt");
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) && amount > 0 && amount < 1_000_000_000_000m && decimal.Round(amount, 2) == amount
            ? amount
            : throw new StatementException($"An entry has the amount \"{text}\".");
    }

    static DateOnly? Date(XElement entry, XNamespace ns, string name)
    {
        var text = Text(entry, ns, name, "Dt") ?? Text(entry, ns, name, "DtTm");
        return text is { Length: >= 10 } && DateOnly.TryParseExact(text[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;
    }

    static string Remittance(XElement detail, XNamespace ns)
    {
        var information = detail.Element(ns + "RmtInf");
        var texts = (information?.Elements(ns + "Ustrd").Select(line => line.Value) ?? [])
            .Concat(information?.Elements(ns + "Strd").Select(structured => Text(structured, ns, "CdtrRefInf", "Ref") ?? "") ?? [])
            .Append(Text(detail, ns, "AddtlTxInf") ?? Text(detail, ns, "AddtlNtryInf") ?? "");
        return string.Join(' ', texts.Where(text => text.Length > 0));
    }

    static string? Text(XElement from, XNamespace ns, params string[] path)
    {
        var found = path.Aggregate((XElement?)from, (element, name) => element?.Element(ns + name));
        return found is { HasElements: false, Value.Length: > 0 } ? found.Value.Trim() : null;
    }

    static string Short(string text) => StoredText.Clean(text.Length <= MaximumText ? text : text[..MaximumText]);

    static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
