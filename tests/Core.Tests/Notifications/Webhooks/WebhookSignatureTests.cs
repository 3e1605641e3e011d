using System.Text;

namespace ControlPlane.Tests.Notifications.Webhooks;

public class WebhookSignatureTests
{
    // The example of the Standard Webhooks specification's libraries.
    const string Secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const string Timestamp = "1614265330";
    const string Body = """{"test": 2432232314}""";
    const string Expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    static readonly byte[] Key = Convert.FromBase64String(Secret);
    static readonly DateTimeOffset SignedAt = DateTimeOffset.FromUnixTimeSeconds(1614265330);

    [Fact]
    public void The_specifications_example_is_signed_as_published() =>
        Assert.Equal(Expected, WebhookSignature.Sign(Key, Id, Timestamp, Encoding.UTF8.GetBytes(Body)));

    [Fact]
    public void One_valid_signature_of_several_is_enough_with_any_valid_secret() =>
        Assert.True(IsValid([new byte[24], Key], Id, Timestamp, $"v2,bm9uc2Vuc2U= v1,{new string('A', 43)}= {Expected}", Body));

    [Theory]
    [InlineData("msg_other", Timestamp, Body)]
    [InlineData(Id, "1614265331", Body)]
    [InlineData(Id, Timestamp, "{}")]
    public void A_changed_id_timestamp_or_body_is_rejected(string id, string timestamp, string body) =>
        Assert.False(IsValid([Key], id, timestamp, Expected, body));

    [Fact]
    public void The_body_may_arrive_in_any_pieces()
    {
        foreach (var size in (int[])[1, 7, 1_000])
        {
            using var verifier = new SignatureVerifier([Key], SignatureHeaders.Parse(Id, Timestamp, Expected)!);
            foreach (var piece in Encoding.UTF8.GetBytes(Body).Chunk(size))
            {
                verifier.Append(piece);
            }

            Assert.True(verifier.IsValid());
        }
    }

    [Theory]
    [InlineData("", Timestamp, Expected)]
    [InlineData(Id, "", Expected)]
    [InlineData(Id, Timestamp, "")]
    [InlineData(Id, Timestamp, "v1")]
    [InlineData(Id, Timestamp, "v1,")]
    [InlineData(Id, Timestamp, "v1,bm9uc2Vuc2U=")]
    [InlineData(Id, Timestamp, "v1,!!!!SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData(Id, Timestamp, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData(Id, Timestamp, "a a a a a a a a " + Expected)]
    public void Headers_with_which_no_signature_can_be_valid_are_refused_without_the_body(string id, string timestamp, string signature) =>
        Assert.Null(SignatureHeaders.Parse(id, timestamp, signature));

    [Theory]
    [InlineData("1614265330", 300, true)]
    [InlineData("1614265330", -300, true)]
    [InlineData("1614265330", 301, false)]
    [InlineData("-1", 0, false)]
    [InlineData("soon", 0, false)]
    [InlineData("99999999999999999999999", 0, false)]
    public void A_timestamp_is_valid_for_five_minutes(string timestamp, int secondsLater, bool timely) =>
        Assert.Equal(timely, WebhookSignature.IsTimely(timestamp, SignedAt.AddSeconds(secondsLater)));

    static bool IsValid(IReadOnlyList<byte[]> secrets, string id, string timestamp, string signature, string body)
    {
        using var verifier = new SignatureVerifier(secrets, SignatureHeaders.Parse(id, timestamp, signature)!);
        verifier.Append(Encoding.UTF8.GetBytes(body));
        return verifier.IsValid();
    }
}
