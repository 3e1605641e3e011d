namespace ControlPlane.Web.Login;

/// <summary>Where to go on after signing in: a page of ours and nothing else, or a forged link would lead to a look-alike.</summary>
static class ReturnPath
{
    /// <param name="under">The pages that the sign-in opens: <c>/app</c> or <c>/admin</c>; its front page is taken otherwise.</param>
    public static string Of(string? asked, string under) =>
        asked is not null && (asked == under || asked.StartsWith($"{under}/", StringComparison.Ordinal) || asked.StartsWith($"{under}?", StringComparison.Ordinal))
            && !asked.Contains('\\') && asked.All(c => c is > ' ' and < '\x7f')
            ? asked
            : under;
}
