using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Planning;

/// <summary>A checkpoint of a published shape whose weights are holes: of the true size, and on disk in milliseconds. What weights are has no part in what is allocated.</summary>
internal sealed class HollowCheckpoint : IDisposable
{
    private static readonly Lazy<SyntheticVocabulary> Vocabulary = new(() => SyntheticVocabulary.Create(VocabularyLayout.Published));

    private HollowCheckpoint(string path) => Path = path;

    public string Path { get; }

    public static HollowCheckpoint Write(GemmaShape shape)
    {
        var checkpoint = new HollowCheckpoint(System.IO.Path.Combine(AppContext.BaseDirectory, $"hollow-{shape.Name}-{Guid.NewGuid():N}.gguf"));
        var tensors = SyntheticTensor.Of(shape, Vocabulary.Value.Layout).ToList();
        using var header = new MemoryStream();
        var writer = new GgufWriter(header);
        SyntheticMetadata.Write(writer, shape, Vocabulary.Value);
        foreach (var tensor in tensors)
        {
            if (tensor.Height == 0) writer.AddTensor(tensor.Name, tensor.Type, tensor.Width);
            else writer.AddTensor(tensor.Name, tensor.Type, tensor.Width, tensor.Height);
        }

        writer.WriteTensorData([]); // the header comes before the first byte of data
        using var file = new FileStream(checkpoint.Path, FileMode.CreateNew);
        header.WriteTo(file);
        file.SetLength(writer.Length);
        return checkpoint;
    }

    public void Dispose() => File.Delete(Path);
}
