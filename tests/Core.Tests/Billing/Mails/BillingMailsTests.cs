using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Billing.Mails;

public partial class BillingMailsTests
{
    public static TheoryData<string, int> Samples
    {
        get
        {
            var samples = new TheoryData<string, int>();
            foreach (var language in new[] { "en", "de" })
            {
                foreach (var (index, _) in SampleMails.All.Index())
                {
                    samples.Add(language, index);
                }
            }

            return samples;
        }
    }

    [Fact]
    public void Every_kind_of_mail_has_a_sample()
    {
        var kinds = typeof(BillingMail).GetNestedTypes().Where(type => type.IsSubclassOf(typeof(BillingMail)));
        Assert.Empty(kinds.Except(SampleMails.All.Select(mail => mail.GetType())));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Text_and_HTML_say_the_same_with_one_button(string language, int sample)
    {
        var content = BillingMails.Write(SampleMails.All[sample], SampleMails.Frame(language));
        var (text, html) = (MailLayout.Text(content), MailLayout.Html(content));
        var (flatText, flatHtml) = (Flat(text), Flat(System.Net.WebUtility.HtmlDecode(Tags().Replace(html, " "))));
        foreach (var said in content.Paragraphs.Concat(content.Remarks).Concat(content.Facts.Select(fact => fact.Value)).Append(content.Button.Label))
        {
            Assert.Contains(Flat(said), flatText, StringComparison.Ordinal);
            Assert.Contains(Flat(said), flatHtml, StringComparison.Ordinal);
        }

        Assert.Single(Links().Matches(html));
        Assert.Contains(content.Button.Link.ToString(), text, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>GmbH", html, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, Math.Max(78, content.Facts.Select(fact => fact.Name.Length + fact.Value.Length).DefaultIfEmpty().Max() + 30)));
        Assert.DoesNotContain('\n', content.Subject);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Amounts_and_dates_are_written_as_in_the_language(string language, int sample)
    {
        var text = MailLayout.Text(BillingMails.Write(SampleMails.All[sample], SampleMails.Frame(language)));
        Assert.DoesNotMatch(language == "de" ? @"€\d|\d\.\d\d\b(?!\.)|\bMarch\b|\b\d{1,2} April" : @"\d,\d\d €|März|\d\. April", text);
        // Nothing of the other language, and no value that is missing.
        Assert.DoesNotMatch(language == "de" ? @"\b(the|your|invoice|until)\b" : @"\b(der|Ihre|Rechnung|bis)\b", text.Replace("/invoices/", "", StringComparison.Ordinal));
        Assert.DoesNotContain("  ", text.Split("\n\n")[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("en", "€1,234.50")]
    [InlineData("de", "1.234,50\u00a0€")]
    public void The_preview_names_the_amount_and_when_it_is_taken(string language, string amount)
    {
        var content = BillingMails.Write(new BillingMail.Preview("Premium", new(2026, 3, 1), new(2026, 4, 1), 1234.5m, SampleMails.Charge), SampleMails.Frame(language));
        Assert.Contains(amount, content.Subject, StringComparison.Ordinal);
        Assert.Contains(content.Paragraphs, paragraph => paragraph.Contains("09:00", StringComparison.Ordinal) && paragraph.Contains("Visa •••• 4242", StringComparison.Ordinal));
        Assert.Equal("https://llm.example/app/billing", content.Button.Link.ToString());
    }

    [Fact]
    public void An_invoice_to_be_transferred_has_account_reference_and_due_date()
    {
        var content = BillingMails.Write(SampleMails.All.OfType<BillingMail.InvoiceIssued>().Single(mail => mail.Payment is ExpectedPayment.Transfer), SampleMails.Frame("de"));
        Assert.Equal(
            ["INV-000042", "14,58\u00a0€", "9,58\u00a0€", "15. April 2026", "Example GmbH", "DE02 1203 0000 0000 2020 51", "BYLADEM1001", "INV-000042"],
            content.Facts.Select(fact => fact.Value));
        Assert.StartsWith("https://llm.example/pay/", content.Button.Link.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_payment_says_why_and_what_happens_next()
    {
        var texts = SampleMails.All.OfType<BillingMail.PaymentFailed>().Where(mail => !mail.StopsOverage).Select(mail => BillingMails.Write(mail, SampleMails.Frame("en"))).ToList();
        Assert.Equal(texts.Count, texts.Select(content => content.Paragraphs[0]).Distinct().Count());
        Assert.All(texts, content => Assert.Contains("Everything keeps working until 4 April 2026 at 00:00 UTC", content.Paragraphs[2], StringComparison.Ordinal));
        Assert.Equal(2, texts.Count(content => content.Paragraphs[1].Contains("try again on 2 April 2026 at 09:00 UTC", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("en", "Usage beyond your plan is denied until it is paid. Without a payment, only local models will answer after 4 April 2026 at 00:00 UTC.")]
    [InlineData("de", "Bis zur Zahlung wird Nutzung über den Tarif hinaus abgelehnt. Ohne Zahlung antworten nach dem 4. April 2026, 00:00 Uhr UTC nur noch lokale Modelle.")]
    public void A_failed_payment_of_an_interim_invoice_says_that_usage_beyond_the_plan_is_denied(string language, string sentence) => Assert.Equal(
        sentence, BillingMails.Write(SampleMails.All.OfType<BillingMail.PaymentFailed>().Single(mail => mail.StopsOverage), SampleMails.Frame(language)).Paragraphs[2]);

    static string Flat(string text) => Spaces().Replace(text, " ");

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex("<a ")]
    private static partial Regex Links();

    [GeneratedRegex(@"[ \r\n\t]+")]
    private static partial Regex Spaces();
}
