namespace ControlPlane.Tests.Billing.Mails;

public class PayLinksTests
{
    static readonly Guid Invoice = Guid.Parse("01900000-0000-7000-8000-000000000001");
    static readonly byte[] First = [.. Enumerable.Repeat((byte)1, 32)];
    static readonly byte[] Second = [.. Enumerable.Repeat((byte)2, 32)];

    [Fact]
    public void A_token_names_its_invoice_and_no_other()
    {
        var links = new PayLinks(new Uri("https://llm.example"), First);
        var token = links.TokenOf(Invoice);
        Assert.Equal($"https://llm.example/pay/{token}", links.Of(Invoice).ToString());
        Assert.Equal(Invoice, links.Find(token));
        Assert.All(Enumerable.Range(0, token.Length), i => Assert.NotEqual(Invoice, links.Find(token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..])));
    }

    [Fact]
    public void A_token_stays_valid_while_its_key_is_a_former_one()
    {
        var token = new PayLinks(new Uri("https://llm.example"), First).TokenOf(Invoice);
        Assert.Equal(Invoice, new PayLinks(new Uri("https://llm.example"), Second, First).Find(token));
        Assert.Null(new PayLinks(new Uri("https://llm.example"), Second).Find(token));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("something")]
    [InlineData("!!!!")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Other_texts_are_no_tokens(string? token) => Assert.Null(new PayLinks(new Uri("https://llm.example"), First).Find(token));
}
