import { twoVisits } from './application'

void twoVisits().then((answers) => console.log(answers.join(', ')))
