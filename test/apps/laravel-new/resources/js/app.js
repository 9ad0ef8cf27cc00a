import axios from 'axios';
