namespace ControlPlane.Tests.Billing.Taxes;

public class VatRegisterTests
{
    const string Known = """
        {"countryCode":"FR","vatNumber":"32123456789","requestDate":"2026-05-01T10:00:00.000Z","valid":true,"requestIdentifier":"WAPIAAAAZ1","name":"ACME SARL","address":"1 RUE X","traderName":"---"}
        """;

    [Fact]
    public void A_registered_number_is_confirmed_with_the_proof() =>
        Assert.Equal(new VatAnswer.Valid("WAPIAAAAZ1", "ACME SARL", "1 RUE X", Known), ViesRegister.Read(Known, 200));

    [Fact]
    public void What_a_member_state_does_not_tell_is_not_a_name() =>
        Assert.Equal((null, null, null), ViesRegister.Read("""{"valid":true,"requestIdentifier":"","name":"---","address":"---"}""", 200) is VatAnswer.Valid v ? (v.Consultation, v.Name, v.Address) : ("", "", ""));

    [Fact]
    public void A_number_that_is_not_registered_is_invalid() => Assert.IsType<VatAnswer.Invalid>(ViesRegister.Read("""{"valid":false}""", 200));

    [Theory]
    [InlineData(500, """{"actionSucceed":false,"errorWrappers":[{"error":"MS_UNAVAILABLE"}]}""", "MS_UNAVAILABLE")]
    [InlineData(200, """{"valid":false,"errorWrappers":[{"error":"GLOBAL_MAX_CONCURRENT_REQ"}]}""", "GLOBAL_MAX_CONCURRENT_REQ")]
    [InlineData(500, """{"valid":false}""", "HTTP 500")]
    [InlineData(200, """{"errorWrappers":[7]}""", "HTTP 200")]
    [InlineData(200, """{"valid":"yes"}""", "HTTP 200")]
    [InlineData(200, "[]", "HTTP 200")]
    [InlineData(502, "<html>Bad Gateway</html>", "HTTP 502")]
    [InlineData(200, "", "HTTP 200")]
    public void Anything_but_a_clear_answer_says_nothing_about_the_number(int status, string body, string code) =>
        Assert.Equal(new VatAnswer.Unavailable(code), ViesRegister.Read(body, status));

    [Fact]
    public async Task A_register_that_cannot_be_reached_or_hangs_is_asked_again()
    {
        Assert.IsType<VatAnswer.Unavailable>(await AskAsync(_ => throw new HttpRequestException(HttpRequestError.ConnectionError)));
        Assert.Equal(new VatAnswer.Unavailable("TIMEOUT"), await AskAsync(_ => throw new TaskCanceledException()));
    }

    [Fact]
    public async Task The_seller_asks_by_its_own_number_and_the_prefix_is_sent_apart()
    {
        var asked = "";
        var answer = await AskAsync(request =>
        {
            asked = request.Content!.ReadAsStringAsync().GetAwaiter().GetResult();
            return new HttpResponseMessage { Content = new StringContent(Known) };
        });

        Assert.IsType<VatAnswer.Valid>(answer);
        Assert.Equal("""{"countryCode":"EL","vatNumber":"123456783","requesterMemberStateCode":"DE","requesterNumber":"123456788"}""", asked);
    }

    [Theory]
    [InlineData(1, 15)]
    [InlineData(2, 30)]
    [InlineData(6, 480)]
    [InlineData(7, 720)]
    [InlineData(90, 720)]
    public void The_next_question_follows_ever_later_up_to_half_a_day(int attempts, int minutes) => Assert.Equal(TimeSpan.FromMinutes(minutes), ConfirmVatIds.Delay(attempts));

    static async Task<VatAnswer> AskAsync(Func<HttpRequestMessage, HttpResponseMessage> respond)
    {
        using var http = new HttpClient(new Responder(respond)) { BaseAddress = ViesRegister.Service };
        return await new ViesRegister(http, "DE123456788").CheckAsync("EL123456783", CancellationToken.None);
    }

    sealed class Responder(Func<HttpRequestMessage, HttpResponseMessage> respond) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct) => Task.FromResult(respond(request));
    }
}
