namespace ControlPlane.Web.Login;

/// <summary>Where to continue after signing in: only a path of this site, to prevent open redirects.</summary>
static class ReturnPath
{
    /// <param name="under"><c>/app</c> or <c>/admin</c>; also the default.</param>
    public static string Of(string? requested, string under) =>
        requested is not null && (requested == under || requested.StartsWith($"{under}/", StringComparison.Ordinal) || requested.StartsWith($"{under}?", StringComparison.Ordinal))
            && !requested.Contains('\\') && requested.All(c => c is > ' ' and < '\x7f')
            ? requested
            : under;
}
