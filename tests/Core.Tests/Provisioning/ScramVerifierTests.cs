using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Tests.Provisioning;

public sealed class ScramVerifierTests
{
    /// <summary>The exchange printed in RFC 7677, section 3: both sides' proofs follow from the verifier alone.</summary>
    [Fact]
    public void The_verifier_accepts_the_client_of_RFC_7677_and_answers_as_its_server()
    {
        var verifier = ScramVerifier.Of("pencil", Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);

        var keys = verifier.Split('$')[2].Split(':').Select(Convert.FromBase64String).ToArray();
        var exchange = Encoding.ASCII.GetBytes(
            "n=user,r=rOprNGfwEbeRWgbNEkqO," +
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," +
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        var proof = Convert.FromBase64String("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        var clientKey = proof.Zip(HMACSHA256.HashData(keys[0], exchange), (a, b) => (byte)(a ^ b)).ToArray();
        Assert.Equal(keys[0], SHA256.HashData(clientKey));
        Assert.Equal("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Convert.ToBase64String(HMACSHA256.HashData(keys[1], exchange)));
    }

    [Fact]
    public void Every_verifier_has_its_own_salt_and_none_the_password()
    {
        Assert.NotEqual(ScramVerifier.Of("secret-word"), ScramVerifier.Of("secret-word"));
        Assert.DoesNotContain("secret-word", ScramVerifier.Of("secret-word"), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ScramVerifier.Of("pässword"));
    }
}
