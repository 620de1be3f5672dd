using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Gemma3Server.Hub;

/// <summary>The hub's refusals as messages that say what to do.</summary>
internal static class HubErrors
{
    private const int LongestHeader = 200;

    /// <summary>Why a request was refused.</summary>
    /// <param name="response">The refusal.</param>
    /// <param name="access">Who asked.</param>
    /// <param name="repository">About which repository.</param>
    /// <param name="path">About which file, if about one.</param>
    /// <param name="time">The time.</param>
    public static HubException Of(HttpResponseMessage response, HubAccess access, string repository, string? path, TimeProvider time)
    {
        var address = response.RequestMessage!.RequestUri!;
        var (status, code) = ((int)response.StatusCode, Header(response, "X-Error-Code"));
        if (!access.IsHub(address)) // its signature may have run out: with the next try comes a new one
            return new(status is 408 or 429 or >= 500 ? HubFault.NoNetwork : HubFault.Interrupted, $"{address.Host}, where the hub keeps the file, answers {status}.");
        var page = new Uri(access.Endpoint, repository);
        return status switch
        {
            404 when code == "EntryNotFound" => new(HubFault.NotFound, $"There is no file '{path}' in {repository}."),
            404 when code == "RevisionNotFound" => new(HubFault.NotFound, $"{repository} does not have that revision."),
            404 => new(HubFault.NotFound, path is null || code == "RepoNotFound"
                ? $"There is no repository {repository}, or it is private."
                : $"There is no file '{path}' in {repository}, or no such repository."),
            401 when code == "RepoNotFound" => new(HubFault.NotFound, access.Token is null
                ? $"There is no repository {repository}, or it is private; if it is, set HF_TOKEN to a token of yours that may read it."
                : $"There is no repository {repository}, or it is private and the token of {access.TokenSource} may not read it."),
            401 when access.Token is not null && code != "GatedRepo" => new(
                HubFault.Gated, $"The hub does not accept the token of {access.TokenSource}: it may have been revoked. Make a new one at {new Uri(access.Endpoint, "settings/tokens")}."),
            401 or 403 when access.Token is null => new(
                HubFault.Gated, $"{repository} is gated: accept its licence at {page}, make a token at {new Uri(access.Endpoint, "settings/tokens")} and give it in HF_TOKEN."),
            401 or 403 => new(
                HubFault.Gated, $"{repository} is gated, and the account of the token ({access.TokenSource}) may not download it: accept its licence at {page}, "
                    + "wait for access where it is granted by hand, and give the token the right to read gated repositories."),
            408 or 429 or >= 500 => new(HubFault.NoNetwork, Busy(response, address, status, time)),
            _ => new(HubFault.Protocol, $"{address.Host} answers {status} for {repository}{(Header(response, "X-Error-Message") is { } said ? $": {said.TrimEnd('.')}" : "")}."),
        };
    }

    /// <summary>A header as one short line; null where there is none.</summary>
    public static string? Header(HttpResponseMessage response, string name)
    {
        if (!response.Headers.TryGetValues(name, out var values)) return null;
        var text = string.Join(", ", values).Trim();
        return text.Length == 0 ? null : text[..Math.Min(text.Length, name == "Link" ? text.Length : LongestHeader)];
    }

    /// <summary>Why there is no connection.</summary>
    public static string Reason(HttpRequestException exception) => exception.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => "the name is not known (no network?)",
        HttpRequestError.ProxyTunnelError => "the proxy (HTTPS_PROXY) refuses",
        HttpRequestError.SecureConnectionError => exception.GetBaseException() is AuthenticationException inner ? inner.Message.TrimEnd('.') : "no secure connection",
        HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse => "it broke off before it answered",
        _ => exception.GetBaseException() is SocketException { SocketErrorCode: var code }
            ? code switch
            {
                SocketError.ConnectionRefused => "the connection was refused",
                SocketError.NetworkUnreachable or SocketError.HostUnreachable => "there is no network",
                SocketError.ConnectionReset => "the connection was reset",
                _ => $"{code}",
            }
            : exception.GetBaseException().Message.TrimEnd('.'),
    };

    private static string Busy(HttpResponseMessage response, Uri address, int status, TimeProvider time)
    {
        var wait = HubServices.RetryAfter(response, time) is { TotalSeconds: >= 1 } asked
            ? string.Create(CultureInfo.InvariantCulture, $"; it asks to come back in {Math.Ceiling(asked.TotalSeconds)} s")
            : "";
        return $"{address.Host} {(status == 429 ? "is asked too much" : "is overloaded or out of order")} ({status}){wait}.";
    }
}
