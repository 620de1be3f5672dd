namespace Gemma3Server.Runtime;

/// <summary>Encodes images into rows of embeddings for <see cref="IModelRuntime.ForwardMedia"/>.</summary>
/// <remarks>Thread-safe: it runs on request threads.</remarks>
public interface IMediaProcessor
{
    /// <summary>Number of rows one image takes (256 for Gemma 3).</summary>
    int TokensPerImage { get; }

    /// <summary>Encodes one image file (PNG, JPEG, ...) given by its bytes.</summary>
    MediaInput Encode(ReadOnlyMemory<byte> image);
}
