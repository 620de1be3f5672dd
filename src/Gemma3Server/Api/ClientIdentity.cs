using System.Security.Cryptography;
using System.Text;

namespace Gemma3Server.Api;

/// <summary>Whose request it is, for a fair share of the engine; set by <see cref="ApiKeyMiddleware"/>.</summary>
/// <param name="Key">A hash of the key that the client sent, never the key; empty without one. All requests without a key are one client's.</param>
internal sealed record ClientIdentity(string Key)
{
    /// <summary>Bytes of the hash that are kept: enough that no two clients meet by chance.</summary>
    private const int Length = 16;

    private static readonly ClientIdentity Anonymous = new("");

    /// <summary>That of the request that <paramref name="context"/> belongs to.</summary>
    public static ClientIdentity Of(HttpContext context) => context.Features.Get<ClientIdentity>() ?? Anonymous;

    /// <summary>That of whoever sent the key of this hash.</summary>
    public static ClientIdentity OfHash(ReadOnlySpan<byte> hash) => new(Convert.ToHexStringLower(hash[..Length]));

    /// <summary>The hash of a key.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
