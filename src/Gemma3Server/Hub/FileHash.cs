using System.Buffers;
using System.Security.Cryptography;

namespace Gemma3Server.Hub;

/// <summary>The SHA-256 of large files.</summary>
internal static class FileHash
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Hashes a file; <paramref name="read"/> is told of the bytes as they are read.</summary>
    public static async Task<string> Sha256Async(string path, Action<long> read, CancellationToken cancellationToken)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (var position = 0L; ;)
            {
                var count = await RandomAccess.ReadAsync(file, buffer, position, cancellationToken).ConfigureAwait(false);
                if (count == 0) return Convert.ToHexStringLower(hash.GetHashAndReset());
                hash.AppendData(buffer, 0, count);
                position += count;
                read(count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
