using System.Text;

namespace Gemma3Pocket.Curriculum.Tests;

public sealed class LessonEncoderTests
{
    private const int Context = 256;

    private readonly PocketTokenizer _tokenizer = new(PocketVocabulary.Load());
    private readonly LessonEncoder _encoder = new(PocketVocabulary.Load());

    [Theory]
    [MemberData(nameof(Sample.Skills), MemberType = typeof(Sample))]
    public void Encode_Lessons_FitTheContextAndAreMostlyShort(Skill skill)
    {
        foreach (var split in Enum.GetValues<LessonSplit>())
        {
            var lengths = Sample.Of(skill, split, 3000).Select(lesson => _encoder.Encode(lesson).Tokens.Length).ToArray();
            Assert.True(lengths.Max() <= Context, $"{lengths.Max()}");
            Assert.True(lengths.Count(length => length > 200) <= lengths.Length / 100);
        }
    }

    [Fact]
    public void Encode_Decoded_IsGemmasTemplate()
    {
        var lesson = new Lesson
        {
            Skill = Skill.Copy,
            Turns =
            [
                new LessonTurn("system", "Be short."), new LessonTurn("user", "Hi"), new LessonTurn("assistant", "Hello!"), new LessonTurn("user", "Copy: a\nb"),
            ],
            Answer = "a\nb",
        };
        var encoded = _encoder.Encode(lesson);
        Assert.Equal(
            "<bos><start_of_turn>user\nBe short.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>\n"
            + "<start_of_turn>user\nCopy: a\nb<end_of_turn>\n<start_of_turn>model\na\nb<end_of_turn>\n",
            _tokenizer.Decode(encoded.Tokens));
        Assert.Equal("Hello!<end_of_turn>a\nb<end_of_turn>", _tokenizer.Decode(encoded.Tokens.Where((_, i) => encoded.IsAnswer[i])));
    }

    [Fact]
    public void Encode_LessonsOfTheMix_DecodeToTheirTexts()
    {
        var generator = new CurriculumGenerator(21, LessonSplit.Train);
        for (var i = 0; i < 5000; i++)
        {
            var lesson = generator.Next();
            var encoded = _encoder.Encode(lesson);
            Assert.Equal(encoded.Tokens.Length, encoded.IsAnswer.Length);
            Assert.Equal(Render(lesson), _tokenizer.Decode(encoded.Tokens));
            var answers = lesson.Turns.Where(turn => turn.Role == "assistant").Select(turn => turn.Text).Append(lesson.Answer);
            Assert.Equal(
                string.Concat(answers.Select(answer => answer + "<end_of_turn>")), _tokenizer.Decode(encoded.Tokens.Where((_, at) => encoded.IsAnswer[at])));
        }
    }

    private static string Render(Lesson lesson)
    {
        var text = new StringBuilder("<bos>");
        var system = "";
        foreach (var (role, content) in lesson.Turns.Append(new LessonTurn("assistant", lesson.Answer)))
        {
            if (role == "system")
            {
                system = content + "\n\n";
                continue;
            }

            text.Append("<start_of_turn>").Append(role == "user" ? "user" : "model").Append('\n').Append(system).Append(content).Append("<end_of_turn>\n");
            system = "";
        }

        return text.ToString();
    }
}
