using System.Text;
using Gemma3Pocket.Curriculum;
using Gemma3Server.Runtime.ConformanceTests.Support;
using Gemma3Server.Runtime.LlamaCpp;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

/// <summary>The pocket model is trained with the curriculum's tokenizer and served with llama.cpp's: they must be one.</summary>
public sealed class PocketTokenizerTests : IDisposable
{
    private readonly string _path = Path.Combine(AppContext.BaseDirectory, $"pocket-{Guid.NewGuid():N}.gguf");
    private readonly PocketVocabulary _vocabulary = PocketVocabulary.Load();
    private readonly PocketTokenizer _tokenizer;
    private readonly LlamaCppRuntime _runtime;

    public PocketTokenizerTests()
    {
        PocketCheckpoint.Write(_path, _vocabulary);
        _tokenizer = new PocketTokenizer(_vocabulary);
        _runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { ModelPath = _path });
    }

    [Fact]
    public void Encode_LessonsOfEverySkill_IsLlamaCpps()
    {
        foreach (var skill in Enum.GetValues<Skill>())
        {
            var lessons = new CurriculumGenerator(11, LessonSplit.Train);
            for (var i = 0; i < 500; i++)
            {
                var lesson = lessons.Next(skill);
                foreach (var text in lesson.Turns.Select(turn => "user\n" + turn.Text).Append(lesson.Answer))
                    AssertSame(text);
            }
        }
    }

    [Theory]
    [InlineData("user\n\n\nThree   spaces,\ttabs and  two lines\n\n")]
    [InlineData("Grüße an die naïve Zoë: 你好, 🙂!")]
    [InlineData("<b>bold</b> <unused7> [multimodal] <pad> <0x41> <end_of_turn>")]
    [InlineData("a▁b ▁ ▁▁c")]
    [InlineData(" begins with a space and ends with one ")]
    [InlineData("{\"a\": [1, 2.5, {\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}]}")]
    public void Encode_OtherText_IsLlamaCpps(string text) => AssertSame(text);

    [Fact]
    public void Encode_RandomText_IsLlamaCpps()
    {
        var random = new Random(5);
        var pieces = _vocabulary.Pieces.Where(piece => piece.Type == 1).Select(piece => piece.Text.Replace('▁', ' ')).ToArray();
        for (var i = 0; i < 3000; i++)
        {
            var text = new StringBuilder();
            for (var j = random.Next(1, 12); j > 0; j--)
                text.Append(pieces[random.Next(pieces.Length)]);
            AssertSame(text.ToString());
        }
    }

    public void Dispose()
    {
        _runtime.Dispose();
        File.Delete(_path);
    }

    private void AssertSame(string text) => Assert.Equal(_runtime.Tokenizer.Tokenize(text), _tokenizer.Encode(text));
}
