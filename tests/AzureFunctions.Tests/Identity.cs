using Azure.Core;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>A managed identity that records the scopes requested.</summary>
sealed class Identity : TokenCredential
{
    public const string Token = "token";

    public List<string> Scopes { get; } = [];

    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        Scopes.AddRange(requestContext.Scopes);
        return new AccessToken(Token, DateTimeOffset.MaxValue);
    }

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        new(GetToken(requestContext, cancellationToken));
}
