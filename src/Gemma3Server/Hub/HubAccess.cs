namespace Gemma3Server.Hub;

/// <summary>Where the hub is and who asks. No record: those print all they hold, and the token must not be printed.</summary>
/// <param name="endpoint">The hub's address.</param>
/// <param name="token">The user's token, if any.</param>
/// <param name="tokenSource">Where the token is from, for messages.</param>
internal sealed class HubAccess(Uri endpoint, string? token = null, string? tokenSource = null)
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The hub's address, with a slash at the end.</summary>
    public Uri Endpoint { get; } = endpoint.AbsoluteUri.EndsWith('/') ? endpoint : new Uri(endpoint.AbsoluteUri + "/");

    /// <summary>The user's token. It is for <see cref="Endpoint"/> alone.</summary>
    public string? Token { get; } = token;

    /// <summary>Where the token is from: <c>HF_TOKEN</c> or a file.</summary>
    public string? TokenSource { get; } = tokenSource;

    /// <summary>Whether an address is the hub's own: same scheme, host and port.</summary>
    public bool IsHub(Uri address) => Uri.Compare(
        address, Endpoint, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>
    /// Reads the hub's own variables: <c>HF_ENDPOINT</c>, <c>HF_TOKEN</c>, <c>HF_TOKEN_PATH</c>, <c>HF_HOME</c>; the token's file is
    /// <c>$HF_HOME/token</c>, in <c>~/.cache/huggingface</c> by default.
    /// </summary>
    /// <exception cref="HubException">A variable is not usable.</exception>
    public static HubAccess Read(Func<string, string?> variable)
    {
        var endpoint = Given(variable("HF_ENDPOINT")) ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0)
            throw new HubException(HubFault.Protocol, "HF_ENDPOINT must be an address such as https://huggingface.co, without a user name.");
        if (Given(variable("HF_TOKEN")) is { } token) return new(address, Checked(token, "HF_TOKEN"), "HF_TOKEN");

        var path = Given(variable("HF_TOKEN_PATH")) ?? (Home(variable) is { } home ? Path.Combine(home, "token") : null);
        if (path is null || !File.Exists(path)) return new(address);
        try
        {
            return Given(File.ReadAllText(path)) is { } stored ? new(address, Checked(stored, path), path) : new(address);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HubException(HubFault.Storage, $"The token file '{path}' cannot be read.", exception);
        }
    }

    private static string? Home(Func<string, string?> variable)
    {
        if (Given(variable("HF_HOME")) is { } home) return home;
        if (Given(variable("XDG_CACHE_HOME")) is { } cache) return Path.Combine(cache, "huggingface");
        return (Given(variable("HOME")) ?? Given(variable("USERPROFILE"))) is { } user ? Path.Combine(user, ".cache", "huggingface") : null;
    }

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    /// <summary>The header's own complaint would quote the token.</summary>
    private static string Checked(string token, string source) => token.All(c => c is > ' ' and < '\x7f')
        ? token
        : throw new HubException(HubFault.Gated, $"The token of {source} is malformed: it holds a space or a character that is not ASCII.");
}
